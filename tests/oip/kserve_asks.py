"""What a user of KServe's REST client does: asks for health, sends tensors in every form, is refused. Prints what it got."""

import asyncio
import json
import os

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

URL, KEY = os.environ["URL"], os.environ["KEY"]  # importing kserve reads the words of the command line as its own
ROWS = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.float32)


def given(name, values, datatype, *, binary):
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def rows(*, binary, dtype=np.float32, datatype="FP32"):
    return [given("input", ROWS.astype(dtype), datatype, binary=binary)]


def mixed():
    return [
        given("left", np.array([1.5, 2.5]), "FP64", binary=True),
        given("count", np.array([2]), "INT64", binary=False),
        given("word", np.array(["h\u00e9"], dtype=object), "BYTES", binary=True),
        given("is_loud", np.array([True]), "BOOL", binary=True),
    ]


async def answered(client, model, inputs, *, outputs=None, parameters=None):
    """Every output by name; and what stands around them."""
    request = InferRequest(model, inputs, request_id="r-7", parameters=parameters or {}, request_outputs=outputs or [])
    headers = {"Authorization": f"Bearer {KEY}"}
    got = await client.infer(URL, request, model_name=model, headers=headers)
    tensors = {each.name: each.as_numpy().tolist() for each in got.outputs}
    return {"id": got.id, "model": got.model_name, "version": got.model_version, **tensors}


async def refused(client, model, inputs):
    try:
        await answered(client, model, inputs)
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error).partition(", '")[0]]
    return None


async def main():
    raw = [RequestedOutput("output", {"binary_data": True})]
    key = {"Authorization": f"Bearer {KEY}"}
    async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=20)) as client:
        told = {
            "live": await client.is_server_live(URL),
            "ready": await client.is_server_ready(URL),
            "model ready": await client.is_model_ready(URL, "doubled", headers=key),
            "stranger ready": await client.is_model_ready(URL, "nobody", headers=key),
            "json": await answered(client, "doubled", rows(binary=False)),
            "raw": await answered(client, "doubled", rows(binary=True), outputs=raw),
            "all raw": await answered(client, "doubled", rows(binary=True), parameters={"binary_data_output": True}),
            "half": await answered(client, "doubled", rows(binary=True, dtype=np.float16, datatype="FP16")),
            "mixed": await answered(client, "mixed", mixed()),
            "text": await answered(
                client, "shout", [given("input", np.array(["h\u00e9"], dtype=object), "BYTES", binary=False)]
            ),
            "unknown": await refused(client, "nobody", rows(binary=False)),
            "wrong type": await refused(client, "doubled", rows(binary=True, dtype=np.int32, datatype="INT32")),
        }
    print("TOLD " + json.dumps(told, default=str))


asyncio.run(main())
