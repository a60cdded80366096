"""Anthropic's own SDK against the same chat: `pip install anthropic`, then `URL=... KEY=... python -m examples.demo.ask_anthropic`."""

import os

from anthropic import Anthropic

client = Anthropic(base_url=os.environ["URL"], api_key=os.environ["KEY"])
question = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
with client.messages.stream(model="chat", messages=question, max_tokens=40) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
    usage = stream.get_final_message().usage
print(f"\n({usage.input_tokens} tokens read, {usage.output_tokens} written)")
