"""The theme parameters that a Mini App is launched with, dark and light."""

from __future__ import annotations

THEMES: dict[str, dict[str, str]] = {
    "dark": {
        "accent_text_color": "#6ab2f2",
        "bg_color": "#17212b",
        "bottom_bar_bg_color": "#17212b",
        "button_color": "#5288c1",
        "button_text_color": "#ffffff",
        "destructive_text_color": "#ec3942",
        "header_bg_color": "#17212b",
        "hint_color": "#8295a6",
        "link_color": "#6ab3f3",
        "secondary_bg_color": "#0e1621",
        "section_bg_color": "#17212b",
        "section_header_text_color": "#6ab3f3",
        "section_separator_color": "#111921",
        "subtitle_text_color": "#8295a6",
        "text_color": "#f5f5f5",
    },
    "light": {
        "accent_text_color": "#168acd",
        "bg_color": "#ffffff",
        "bottom_bar_bg_color": "#ffffff",
        "button_color": "#2f8fdb",
        "button_text_color": "#ffffff",
        "destructive_text_color": "#d14e4e",
        "header_bg_color": "#ffffff",
        "hint_color": "#707579",
        "link_color": "#168acd",
        "secondary_bg_color": "#f1f1f1",
        "section_bg_color": "#ffffff",
        "section_header_text_color": "#168acd",
        "section_separator_color": "#e7e7e7",
        "subtitle_text_color": "#707579",
        "text_color": "#000000",
    },
}
