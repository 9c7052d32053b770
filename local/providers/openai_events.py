"""The events of a streamed OpenAI response, numbered as they are sent."""

from collections.abc import Iterator
from typing import Any

from local.providers.delivery import event

# What happens to an item of each kind between its beginning and its end.
_STEPS = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
}


class Events:
    """Makes one response's events."""

    def __init__(self) -> None:
        self._sent = 0

    def of(self, kind: str, **values: Any) -> bytes:
        """The event `response.<kind>`."""
        name = f"response.{kind}"
        data = {"type": name, "sequence_number": self._sent, **values}
        self._sent += 1
        return event(data, name)

    def of_item(self, item: dict[str, Any], index: int) -> Iterator[bytes]:
        """All events of an item that is not text."""
        steps = _STEPS.get(item["type"], ())
        opened = {**item, "status": "in_progress"} if steps else item
        yield self.of("output_item.added", output_index=index, item=opened)
        for step in steps:
            yield self.of(f"{item['type']}.{step}", output_index=index, item_id=item["id"])
        yield self.of("output_item.done", output_index=index, item=item)
