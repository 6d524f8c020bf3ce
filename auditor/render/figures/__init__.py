"""Figures as SVG: one file for each kind, drawn on ``Drawing`` in the document's own font.

What goes in: plain numbers with finished labels. What comes out: one ``<svg>`` element as text. Every shape
carries its light-mode colour as a presentation attribute (what paper shows) and a class of its role, by
which the style sheet recolours it on a dark screen; there is no ``style`` attribute and no id.

Colour maps and tick values come from matplotlib; the drawing does not. matplotlib's SVG sets colours by ``style``
attributes, which the report's Content-Security-Policy forbids and which cannot follow the reader's dark mode; it
draws text as outlines or in its own fonts rather than in the document's; and it is about ten times as large.
"""
