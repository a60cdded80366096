import json

from tests.unit.targets.models.house import call, deadline, models, run, settings, settled


def test_a_call_is_answered_by_a_worker_process():
    async def scene():
        async with models(settings()) as house:
            return await settled(house.find("model").start(call({"nonce": "a"}), "ann", deadline()))

    outcome = run(scene())

    assert json.loads(outcome.body)["nonce"] == "a"
    assert outcome.target == "model"
    assert outcome.model_version == "1"
