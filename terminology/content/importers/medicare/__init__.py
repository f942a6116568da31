"""How Medicare pays for codes: tables of CMS that become supplements of CPT and HCPCS.

``opps`` is Addendum B, ``rvu`` the Physician Fee Schedule, ``ncci`` the edits of the National Correct Coding
Initiative. ``tables`` reads the tables, ``supplements`` makes supplements of them.
"""

from __future__ import annotations

from terminology.content.importers.medicare.ncci import NCCI
from terminology.content.importers.medicare.opps import OPPS
from terminology.content.importers.medicare.rvu import RVU

__all__ = ["NCCI", "OPPS", "RVU"]
