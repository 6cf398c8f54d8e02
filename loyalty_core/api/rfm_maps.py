"""The RFM map: the segment of each of the 125 cells, custom cut points, and texts about segments."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.analytics.rfm import RfmChange, preview_change
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.rfm import (
    CELLS,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    BadRfmMap,
    FourPoints,
    RfmMap,
    RfmMapVersion,
    SegmentText,
)
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure

router = APIRouter(prefix="/rfm/map", dependencies=[allowed(Action.VIEW)])

_edit = allowed(Action.EDIT_POLICIES)
# 111, 112, …, 555: the scores for recency, frequency and monetary value.
_CODES = tuple("".join(map(str, cell)) for cell in CELLS)

Code = Annotated[str, Field(pattern="^[1-5]{3}$")]
# Spaces as the map stores them, so that texts are found by the names of cells.
Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_LENGTH), AfterValidator(lambda name: " ".join(name.split()))
]
Number = Annotated[float, Field(strict=True)]
Points = tuple[Number, Number, Number, Number]


class TextOfSegment(BaseModel):
    """What a segment means and what to do about it; either may be blank."""

    model_config = ConfigDict(extra="forbid")

    meaning: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    advice: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""


class MapBody(BaseModel):
    """The parts of the map to change: cells by their three scores ("545"), cut points by measure, texts by segment.

    Cut points are four numbers, smallest first; null removes a measure's custom ones.
    """

    model_config = ConfigDict(extra="forbid")

    cells: Annotated[dict[Code, Name], Field(max_length=len(CELLS))] = {}
    cut_points: dict[RfmMeasure, Points | None] = {}
    texts: Annotated[dict[Name, TextOfSegment], Field(max_length=len(CELLS))] = {}

    def applied_to(self, map: RfmMap) -> RfmMap:
        """The map with these parts in place of its own; raises `BadRfmMap`."""
        cells = dict(zip(_CODES, map.names, strict=True)) | self.cells
        points: dict[RfmMeasure, FourPoints | None] = {**map.cut_points, **self.cut_points}
        texts = {name: SegmentText(text.meaning, text.advice) for name, text in self.texts.items()}
        if unknown := texts.keys() - set(cells.values()):
            raise BadRfmMap(
                f"There is no segment called “{min(unknown)}”.",
                "No cell of the map has that name.",
                "Give texts to the segments of cells only.",
            )
        return RfmMap(
            names=tuple(cells[code] for code in _CODES),
            cut_points={measure: four for measure, four in points.items() if four is not None},
            texts={**map.texts, **texts},
        )


class MapUpdate(MapBody):
    """The map after `version`, which is 0 before the first; omitted parts are those of the built-in map."""

    version: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]


class MapPatch(MapBody):
    """The parts to change; with `version`, only if that is still the newest."""

    version: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = None


class MapAnswer(BaseModel):
    """The map in use; `is_default` says that it is the built-in one, and `version` is 0 before the first.

    `texts` are those that were saved; other segments have the built-in ones.
    """

    version: int
    is_default: bool
    saved_at: datetime | None
    saved_by: str
    cells: dict[str, str]
    cut_points: dict[str, tuple[float, float, float, float]]
    texts: dict[str, TextOfSegment]


class MapVersionsAnswer(BaseModel):
    """The newest 50 versions, newest first; one with `is_default` was a return to the built-in map."""

    versions: list[MapAnswer]


class SegmentChange(BaseModel):
    """The customers of a segment now, and with the other map."""

    name: str
    before: int
    after: int


class MapPreview(BaseModel):
    """How many of all `customers` would have another score, and another segment."""

    customers: int
    other_score: int
    other_segment: int
    sizes: list[SegmentChange]


@router.get("/", response_model=MapAnswer)
def read_rfm_map(conditions: Conditional) -> Response:
    """The map in use."""
    return conditions.answer(_answer(get_services().rfm_maps.newest()))


@router.put("/", response_model=MapAnswer, dependencies=[_edit])
def update_rfm_map(body: MapUpdate, conditions: Conditional) -> dict[str, Any]:
    """Save a map, which is used from now on; 409 if someone else has saved one after `version`.

    Stored predictions and segments change with the next scoring run.
    """
    conditions.require_unchanged(_answer(get_services().rfm_maps.newest()))
    return conditions.mark(_saved(body.applied_to(RfmMap()), body.version))


@router.patch("/", response_model=MapAnswer, dependencies=[_edit])
def change_rfm_map(body: MapPatch, conditions: Conditional) -> dict[str, Any]:
    """Change the given parts of the map in use; with `version`, 409 if someone else has saved one after it."""
    newest = get_services().rfm_maps.newest()
    conditions.require_unchanged(_answer(newest))
    version = body.version if body.version is not None else newest.number if newest else 0
    return conditions.mark(_saved(body.applied_to(_map_of(newest)), version))


@router.delete("/", status_code=204, dependencies=[_edit])
def reset_rfm_map(conditions: Conditional) -> Response:
    """Return to the built-in map, as a new version."""
    maps = get_services().rfm_maps
    conditions.require_unchanged(_answer(maps.newest()))
    maps.reset(actor=current_viewer().id)
    return Response(status_code=204)


@router.get("/versions/", response_model=MapVersionsAnswer)
def read_rfm_map_versions() -> dict[str, Any]:
    """The newest versions, newest first."""
    return {"versions": [_answer(one) for one in get_services().rfm_maps.versions()]}


@router.post("/preview/", response_model=MapPreview, dependencies=[rule_slot])
def preview_rfm_map(body: MapBody) -> RfmChange:
    """Count the customers whom a change of the map in use would give another score or segment; nothing is saved."""
    services = get_services()
    current = services.rfm_maps.current()
    return preview_change(services.warehouse, current, body.applied_to(current or RfmMap()))


def _saved(map: RfmMap, expected_version: int) -> dict[str, Any]:
    maps = get_services().rfm_maps
    maps.save(map, actor=current_viewer().id, expected_version=expected_version)
    return _answer(maps.newest())


def _map_of(version: RfmMapVersion | None) -> RfmMap:
    return version.map if version and version.map else RfmMap()


def _answer(version: RfmMapVersion | None) -> dict[str, Any]:
    map = _map_of(version)
    return {
        "version": version.number if version else 0,
        "is_default": version is None or version.map is None,
        "saved_at": version.at if version else None,
        "saved_by": version.actor if version else "",
        "cells": dict(zip(_CODES, map.names, strict=True)),
        "cut_points": dict(map.cut_points),
        "texts": {name: text._asdict() for name, text in map.texts.items()},
    }
