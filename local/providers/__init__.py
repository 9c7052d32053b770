"""One process that answers as OpenAI, Anthropic and Gemini do, to their own SDKs: made-up text, exact usage."""
