"""Draws a comparison as one SVG: a row per phase, a mark per system, seconds on a logarithmic axis.

load             |        .   ◆  |  o      .          o
8 upserts        |   ◆   .  |   o  .                       o
                0.1 s           1 s           10 s

The tick in a row is the strictest bar of the phase: what TableStore may take at the most.
"""

from __future__ import annotations

import math
from html import escape

from benchmarks.bars import RATIOS
from benchmarks.measurements import PHASES, Measurements
from benchmarks.systems import System

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 860, 130, 30, 76, 40
_LEAST = 0.01  # seconds; what took less (nothing to compact, say) is drawn on the edge
# Okabe and Ito's palette: told apart by readers with any colour vision.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")


def draw(systems: list[System], measurements: Measurements) -> str:
    """An SVG document; systems without a figure for a phase have no mark in its row."""
    seconds = [
        value
        for system in systems
        for phase in PHASES
        if (value := measurements.median(system.name, phase)) is not None and value > 0
    ]
    if not seconds:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>\n'
    low = max(10 ** math.floor(math.log10(min(seconds))), _LEAST)
    high = max(10 ** math.ceil(math.log10(max(seconds))), 10 * low)
    height = _TOP + _ROW * len(PHASES) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        *_legend(systems),
        *_axis(low, high),
    ]
    for row, (phase, title) in enumerate(PHASES.items()):
        y = _TOP + _ROW * row + _ROW // 2
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(title)}</text>')
        limit = _strictest(phase, measurements)
        if limit is not None:
            parts.append(_tick(_place(limit, low, high), y, f"bar: {limit:.3g} s"))
        for index in reversed(range(len(systems))):
            value = measurements.median(systems[index].name, phase)
            if value is not None and value > 0:
                parts.append(_mark(index, systems[index], _place(value, low, high), y, f"{value:.3g} s"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _strictest(phase: str, measurements: Measurements) -> float | None:
    """Least seconds that the bars of a phase ask for."""
    seconds = [
        bar.limit * other
        for bar in RATIOS
        if bar.phase == phase
        and (other := measurements.median(bar.system, bar.other_phase or phase)) is not None
    ]
    return min(seconds, default=None)


def _tick(x: float, y: int, label: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 14}" y2="{y + 14}" stroke="#222222" stroke-width="2">'
        f"<title>{label}</title></line>"
    )


def _place(value: float, low: float, high: float) -> float:
    share = math.log10(max(value, low) / low) / math.log10(high / low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _mark(index: int, system: System, x: float, y: float, label: str) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    title = f"<title>{escape(system.title)}: {label}</title>"
    if system.name == "tablestore":
        corners = f"{x:.1f},{y - 9} {x + 9:.1f},{y} {x:.1f},{y + 9} {x - 9:.1f},{y}"
        return f'<polygon points="{corners}" fill="{colour}">{title}</polygon>'
    return f'<circle cx="{x:.1f}" cy="{y}" r="6" fill="{colour}" fill-opacity="0.85">{title}</circle>'


def _legend(systems: list[System]) -> list[str]:
    parts = []
    for index, system in enumerate(systems):
        x, y = 24 + 205 * (index % 4), 22 + 24 * (index // 4)
        parts.append(_mark(index, system, x, y, "legend"))
        parts.append(f'<text x="{x + 14}" y="{y + 4}">{escape(system.title)}</text>')
    x, y = 24 + 205 * (len(systems) % 4), 22 + 24 * (len(systems) // 4)
    parts += [_tick(x, y, "bar"), f'<text x="{x + 14}" y="{y + 4}">strictest bar</text>']
    return parts


def _axis(low: float, high: float) -> list[str]:
    parts = []
    bottom = _TOP + _ROW * len(PHASES)
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        x = _place(10.0**power, low, high)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" stroke="#bbbbbb"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{10.0**power:g} s</text>')
    return parts
