"""The schema of the fake AppSync, which is the project's own, and the documents that clients send to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, parse, validate

FOLDER = Path(__file__).parents[2] / "graphql"


@cache
def schema() -> GraphQLSchema:
    return build_schema((FOLDER / "appsync.graphql").read_text() + (FOLDER / "schema.graphql").read_text())


@cache
def document_of(query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Return a document and what is wrong with it. Clients send the same few over and over."""
    document = parse(query)
    return document, validate(schema(), document)
