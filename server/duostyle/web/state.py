"""Everything that lives while the app runs, as one value in the lifespan state, for all handlers."""

from __future__ import annotations

from dataclasses import dataclass

from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.pools import HelperPools
from duostyle.imaging import decode as images
from duostyle.jobs.service import JobService
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.picture import StoredImage
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web.gallery import Gallery


@dataclass(frozen=True, slots=True)
class AppState:
    """Made and torn down by the app."""

    settings: Settings
    metrics: Metrics
    store: Store
    hub: Hub
    engine_thread: EngineThread
    pools: HelperPools
    jobs: JobService
    gallery: Gallery

    async def take_in(self, data: bytes, *, key_hash: bytes | None = None) -> tuple[StoredImage, bool]:
        """Check and keep a picture; True when it is new. Whoever has the key of this hash can delete it again.

        Raises ImageError.
        """
        limits = {"max_bytes": self.settings.max_upload_bytes, "max_pixels": self.settings.max_pixels}
        checked = await self.pools.offload(images.check, data, **limits)
        return await self.store.put_image(data, checked, key_hash=key_hash)
