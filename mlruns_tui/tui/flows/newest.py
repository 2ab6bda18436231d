"""My newest batch, in less space or in none: asked about where the result was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlruns_tui.model.batch import Batch
from mlruns_tui.workflow import changing

from .reading import error_words

if TYPE_CHECKING:
    from ..screens.pack import PackDialog
    from .changing import Changing


class Newest:
    """The commands ``pack`` and ``purge``."""

    def __init__(self, changing: Changing) -> None:
        self.changing = changing

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {"pack": self.pack, "purge": self.purge}

    def _look_up(self, then: Callable[[Batch], None]) -> None:
        """Go on with my newest batch as it is now."""

        def found(batches: tuple[Batch, ...]) -> None:
            self.changing.screen.change(batches=batches)
            batch = self.changing.screen.state.last_batch
            if batch is not None and (batch.count("moved") or batch.count("packed")):
                then(batch)
            else:
                self.changing.screen.say("nothing of the last batch is in a backup")

        root = self.changing.reader.store.root
        self.changing.screen.work(lambda: changing.batches(root), found, "batches")

    def pack(self) -> None:
        """Try what packing my newest batch would gain, and ask."""
        from ..screens.pack import sample

        root = self.changing.reader.store.root

        def ask(batch: Batch) -> None:
            def answered(yes: bool | None) -> None:
                if yes:
                    self.changing.begin(lambda: changing.start_pack(root, batch.id), "the packing goes on")

            def sampled(dialog: PackDialog) -> None:
                self.changing.screen.saying.unsay()
                self.changing.screen.app.push_screen(dialog, answered)

            def failed(error: Exception) -> None:
                self.changing.screen.saying.unsay()
                self.changing.screen.saying.complain(f"it could not be tried what packing gains: {error_words(error)}")

            self.changing.screen.saying.say("trying what packing would gain", stays=True)
            self.changing.screen.work(lambda: sample(root, batch, None), sampled, "gains", failed=failed)

        self._look_up(ask)

    def purge(self) -> None:
        """Ask for the number that deletes my newest batch for good."""
        from ..screens.for_good import PurgeDialog

        root = self.changing.reader.store.root

        def ask(batch: Batch) -> None:
            def answered(yes: bool | None) -> None:
                if yes:
                    self.changing.begin(lambda: changing.start_purge(root, batch.id), "the purge goes on")

            self.changing.screen.app.push_screen(PurgeDialog(batch), answered)

        self._look_up(ask)
