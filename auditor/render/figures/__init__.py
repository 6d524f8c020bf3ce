"""Figures as SVG: one file for each kind, drawn on ``Drawing`` in the document's own font.

What goes in: plain numbers with finished labels. What comes out: one ``<svg>`` element as text. Every shape
carries its light-mode colour as a presentation attribute (what paper shows) and a class of its role, by
which the style sheet recolours it on a dark screen; there is no ``style`` attribute and no id.

Not matplotlib, whose colour maps and tick values the tests compare ours with: its SVG sets colours by ``style``
attributes, which the report's Content-Security-Policy forbids and which cannot follow the reader's dark mode; it
draws text as outlines or in its own fonts rather than in the document's; it is about ten times as large; and with
NumPy it would double the size of an environment for the gate alone.
"""
