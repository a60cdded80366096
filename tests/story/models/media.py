"""Models of the tasks beside chat that OpenAI's client can call; each answers by rule."""

import headworks
from headworks.tasks import image_editing, image_generation, moderation, speech_to_text, text_to_speech


class Judge(headworks.Model):
    """Flags what holds `bad`."""

    def predict(self, request: moderation.Request) -> moderation.Reply:
        inputs = [request.input] if isinstance(request.input, str) else request.input
        verdicts = []
        for each in inputs:
            score = 0.9 if "bad" in str(each) else 0.1
            verdicts.append(moderation.Verdict(score > 0.5, {"violence": score > 0.5}, {"violence": score}))
        return moderation.Reply("modr-1", "judge", verdicts)


class Painter(headworks.Model):
    """Paints the words themselves."""

    def predict(self, request: image_generation.Request) -> image_generation.Reply:
        picture = image_generation.Picture(b64_json="aGk=", revised_prompt=f"{request.prompt} {request.size}")
        return image_generation.Reply(7, [picture] * (request.n or 1))


class Retoucher(headworks.Model):
    """Gives the pictures back, under what was asked."""

    def predict(self, request: image_editing.Request) -> image_editing.Reply:
        told = f"{request.prompt} {request.size} {request.mask is not None}"
        pictures = [image_generation.Picture(b64_json=url.split(",")[1], revised_prompt=told) for url in request.images]
        return image_editing.Reply(0, pictures * (request.n or 1))


class Speaker(headworks.Model):
    """Sounds like its voice and its text."""

    def predict(self, request: text_to_speech.Request) -> text_to_speech.Reply:
        asked = request.parameters or text_to_speech.Parameters()
        form = asked.format or "mp3"
        return text_to_speech.Reply(f"{asked.voice}:{request.inputs}".encode(), f"audio/{form}")


class Listener(headworks.Model):
    """Hears the bytes as text, a second a word."""

    def predict(self, request: speech_to_text.Request) -> speech_to_text.Reply:
        text = request.inputs.decode()
        asked = request.parameters or speech_to_text.Parameters()
        chunks = [speech_to_text.Chunk(f" {word}", (at, at + 1.5)) for at, word in enumerate(text.split())]
        return speech_to_text.Reply(text, chunks if asked.return_timestamps else None)
