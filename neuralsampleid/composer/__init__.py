"""Music that the project composes, renders and samples itself.

Reading order: ``theory``, ``style`` and ``styles`` (what music is made of), ``form`` (bars and
sections), ``rhythm``, ``drums``, ``accompaniment`` and ``melody`` (who plays what), ``compose`` (a
song as notes), ``soundfont``, ``render``, ``mixing`` and ``recording`` (notes to stems),
``excerpt``, ``treatment`` and ``produce`` (a query that samples a recording), ``studio`` (all
tracks of the demo). For queries that sample real recordings: ``grades``, ``effects``, ``parts``,
``drum_loop`` and ``recipes`` (what is to be made), ``queries`` and ``bands`` (its sound, and
whether it came out right), ``plans`` and ``drawing`` (recipes by chance).
"""
