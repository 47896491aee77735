"""One secret of each kind that is redacted by default. Each holds `CANARY`, by which a test finds what has got out."""

from __future__ import annotations

import pytest

from runcast.redaction import REDACTED

CANARY = "c4n4ry"
TAIL = f"{CANARY}AAAABBBBCCCCDDDDEEEEFFFF0123456789"
SECRETS = {
    "AWS access key": "AKIAC4N4RYC4N4RYC4N4",
    "AWS secret key": f"aws_secret_access_key = {TAIL}",
    "Bedrock key": f"ABSK{TAIL}{TAIL}",
    "bearer header": f"Authorization: Bearer {TAIL}",
    "bearer alone": f"bearer {TAIL}",
    "basic header": f"Basic {TAIL}==",
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.{TAIL}.{TAIL}",
    "PEM": f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{TAIL}\n{TAIL}=\n-----END RSA PRIVATE KEY-----",
    "cut PEM": f"-----BEGIN PRIVATE KEY-----\n{TAIL}\n{TAIL}",
    "URL": f"postgresql://app:{TAIL}@db.example.com/runs",
    "connection string": f"Server=db;User Id=app;Password={TAIL};Encrypt=true",
    "Azure": f"AccountName=a;AccountKey={TAIL};",
    "OpenAI": f"sk-proj-{TAIL}",
    "Anthropic": f"sk-ant-api03-{TAIL}",
    "GitHub": f"ghp_{TAIL}",
    "GitHub, fine-grained": f"github_pat_{TAIL}",
    "GitLab": f"glpat-{TAIL}",
    "Slack": f"xoxb-1234-{TAIL}",
    "Slack hook": f"https://hooks.slack.com/services/T0/B0/{TAIL}",
    "Google": f"AIza{TAIL}",
    "Stripe": f"sk_live_{TAIL}",
    "SendGrid": f"SG.{TAIL}.{TAIL}",
    "npm": f"npm_{TAIL}",
    "Hugging Face": f"hf_{TAIL}",
    "PyPI": f"pypi-{TAIL}{TAIL}",
    "JSON": f'{{"api_key": "{TAIL}"}}',
    "Chinese text": f"密钥是sk-{TAIL}。",
    "after an escaped line break": f"ValueError('it failed:\\nghp_{TAIL}')",
    "JSON in JSON": f'{{\\"password\\": \\"{TAIL}\\"}}',
    "repr of bytes": f"{{b'password': b'{TAIL}'}}",
    "phrase": f'password = "one, {CANARY} and {CANARY}"',
    "XML": f"<password>{TAIL}</password>",
    "wide colon": f"password：{TAIL}",  # noqa: RUF001
    "cookies": f"Cookie: theme=dark; session={TAIL}; Path=/",
    "token in a query": f"https://api.example.com/v1?token={TAIL}&limit=9",
    "shared access signature": f"https://a.blob.core.windows.net/c?sv=2020&sig={TAIL}%3D",
    "URL-encoded": f"%22password%22%3A%22{TAIL}%22",
    "URL-encoded bearer": f"q=Bearer%20{TAIL}",
    "URL-encoded URL": f"postgres%3A%2F%2Fapp%3A{TAIL}%40db",
    "URL-encoded PEM": f"-----BEGIN+PRIVATE+KEY-----%0AMIIE{TAIL}%0A{TAIL}",
    "escaped PEM": f"-----BEGIN PRIVATE KEY-----\\nMIIE{TAIL}\\n{TAIL}",
    "encrypted PEM": f"-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-256-CBC,00\n\n{TAIL}\n{TAIL}",
    "presigned URL": f"https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature={TAIL}&X-Amz-Expires=9",
}
every_secret = pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)


def check_told(told: str) -> None:
    """What was told as `before <secret> after` is shown without the secret, and with the rest."""
    assert CANARY not in told.lower()
    assert "before" in told
    assert "after" in told
    assert REDACTED in told
