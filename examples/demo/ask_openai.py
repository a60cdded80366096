"""OpenAI's own SDK against the demo's chat: `pip install openai`, then `URL=... KEY=... python -m examples.demo.ask_openai`."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["URL"] + "/v1", api_key=os.environ["KEY"])
print("models:", *(model.id for model in client.models.list()))
question = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
for chunk in client.chat.completions.create(model="chat", messages=question, max_tokens=40, temperature=0, stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
