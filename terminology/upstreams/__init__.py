"""Other terminology servers, which are asked for content that is missing here, or here in part only.

An upstream answers a whole operation, unless a value set or a translation has parts here and there: FHIR goes out as
the upstream's release has it, and its answer comes back in that of the client. ``Upstreams`` is all that other layers
know; it satisfies ``wire.elsewhere.Elsewhere``. docs/upstreams.md is for operators.

====================  ==========================================================
upstreams.py          who is asked, in which order, and whose answer counts
gaps.py               which answers are not decided here, and by what resource
mixing.py             value sets with codes from here and from upstreams
mixed_translation.py  translations with a hop here and one at an upstream
translated.py         questions and answers between releases of FHIR
reverse_translation.py translations in reverse, as each release asks for them
registry.py           servers that a registry names
upstream.py           one upstream: its release, its cache, its circuit
connection.py         HTTP to one upstream, with bounds, retries and a deadline
circuit.py            an upstream that fails again and again is left alone
kept_answers.py       answers that are used again for a while
configuration.py      the file of the setting ``upstreams``
checking.py           ``terminology upstreams check``
====================  ==========================================================
"""
