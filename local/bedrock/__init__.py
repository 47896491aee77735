"""A language model for one machine: no network, no weights, the same answer each time.

It speaks the OpenAI chat-completions protocol, which is what the emulator's Bedrock asks, so the agents' real Bedrock
client runs against it. It calls every offered tool once, and then answers with the tools' results.
"""
