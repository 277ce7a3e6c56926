"""What a painting looks like from outside: whole, at the size of the result, with the rim cut off."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from duostyle.engine.image import color
from duostyle.engine.image.canvas import Canvas
from duostyle.engine.image.inputs import Materials
from duostyle.engine.level import climb_from
from duostyle.engine.pyramid import Level, resize
from duostyle.engine.runtime import to_picture
from duostyle.params import StyleParams
from duostyle.picture import Picture

# a coarser level is shown at the largest level's size up to this
PREVIEW_PX = 640


class Exhibit:
    """Of one painting on `levels`, which may become other ones of the same sizes."""

    def __init__(self, canvas: Canvas, materials: Materials) -> None:
        self.canvas, self.materials = canvas, materials
        self._base: tuple[StyleParams, Tensor] | None = None

    def final(self, painted: Tensor | None, finest: Level, params: StyleParams) -> Tensor:
        """The best picture so far (None before there is one) at the final size, [1, 3, h, w]."""
        content = self.materials.content
        if painted is None or painted.shape == content.shape:
            return content if painted is None else painted
        styles = self.materials.styles_at(finest, params)
        return climb_from(painted, self.materials.base(content, styles, params), params)

    def preview(self, x: Tensor, levels: Sequence[Level], params: StyleParams) -> Tensor:
        """A coarse level's picture with the content's detail, so that a watcher sees more than a blur."""
        shown = (level for level in reversed(levels) if max(level.width, level.height) <= PREVIEW_PX)
        level = next(shown, None)
        if level is None or level.width <= x.shape[3]:
            return x
        if self._base is None or self._base[0] != params:
            content = self.materials.content_at(level)
            self._base = params, self.materials.base(content, self.materials.styles_at(level, params), params)
        return climb_from(x, self._base[1], params)

    def show(self, x: Tensor, params: StyleParams) -> Picture:
        """A canvas of any size [1, 3, h, w] as the picture on it."""
        content = resize(self.materials.content, x.shape[3], x.shape[2])
        return to_picture(self.canvas.crop(color.keep_colors(x, content, params.preserve_color)))
