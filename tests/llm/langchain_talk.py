"""What an application on LangChain does: asks, streams, binds a tool, wants structure. Prints what it got."""

import json
import sys

from langchain_openai import ChatOpenAI, OpenAIEmbeddings


def main(url: str, key: str) -> None:
    chat = ChatOpenAI(model="chat@v1", base_url=url, api_key=key, max_retries=0)
    tool = {"title": "weather", "description": "tells it", "type": "object", "properties": {"city": {"type": "string"}}}
    place = {"title": "place", "description": "a place", "type": "object", "properties": {"city": {"type": "string"}}}
    print(
        json.dumps(
            {
                "invoked": chat.invoke("Hi there").content,
                "usage": chat.invoke("Hi there").usage_metadata["total_tokens"],
                "streamed": [chunk.content for chunk in chat.stream("Hi there") if chunk.content],
                "batched": [answer.content for answer in chat.batch(["a", "b"])],
                "called": chat.bind_tools([tool]).invoke("Bern").tool_calls[0]["args"],
                "structured": chat.with_structured_output(place, method="json_schema").invoke("Bern"),
                "responses": ChatOpenAI(model="chat", base_url=url, api_key=key, use_responses_api=True, max_retries=0)
                .invoke("Hi")
                .text,
                "embedded": OpenAIEmbeddings(
                    model="letters", base_url=url, api_key=key, check_embedding_ctx_length=False
                ).embed_documents(["area"]),
            }
        )
    )


main(sys.argv[1], sys.argv[2])
