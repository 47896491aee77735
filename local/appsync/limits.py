"""AppSync's limits that a client can meet, in one place, with AWS's source for each.

A limit that an API's owner can lower is in the API's record. AWS sets no limit on a document's aliases: each alias of a
field with a resolver counts as one resolver.

Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
Source: https://docs.aws.amazon.com/appsync/latest/devguide/configuration-limits.html
"""

MAX_DOCUMENT_BYTES = 1024 * 1024
"""A request's document. AppSync's guide names no limit; EventBridge's does, for a document that it sends to AppSync.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_AppSyncParameters.html
"""

MAX_RESOLVERS = 10_000
"""Resolvers that run in one request, unless the API sets a lower number (`resolverCountLimit`)."""

MAX_RESULT_BYTES = 5_000_000
"""What one resolver returns (the quota "Evaluated resolver template size").

The error is the one that https://github.com/awslabs/aws-mobile-appsync-sdk-js/issues/124 shows.
"""

MAX_REQUEST_SECONDS = 30
"""One request, subscriptions included."""

MAX_PAYLOAD_BYTES = 240 * 1024
"""What a subscriber gets of one event. A larger payload is not delivered, and no one gets an error."""

MAX_SUBSCRIPTIONS = 100
"""Subscriptions on one connection.

The error is the one that AWS's own client for iOS knows: `MaxSubscriptionsReachedError`.
"""

# Source: https://docs.aws.amazon.com/appsync/latest/devguide/extensions.html
MAX_FILTER_VALUES = {"in": 5, "notIn": 5, "containsAny": 20}
"""Values in the list of a subscription filter's operator."""

MAX_FILTER_FIELD_DEPTH = 5
"""Levels of a subscription filter's field name, as in `a.b.c`."""

MAX_FILTER_FIELD_CHARS = 256
"""Length of a subscription filter's field name."""
