"""How much may one question ask for? The bounds of the operations on their own work, all in one place.

What is bounded by a number of steps is reckoned by ``cost`` before anything is done. A step is one code
passed by, about 0.2 microseconds; what takes longer counts as so many. ``MOST_STEPS`` take five to ten
seconds.
"""

from __future__ import annotations

# How many levels of an expansion stand in one another; what is deeper is answered as a list. Every level is
# two of JSON (an object and a list), of which our own reader takes 200 and the writer 254.
DEEPEST_TREE = 60
# How many codings a CodeableConcept may have.
MOST_CODINGS = 500
# How many properties $find-matches compares.
MOST_SOUGHT = 100
# How many filters one include may have.
MOST_FILTERS = 200
# How many steps a question may take.
MOST_STEPS = 25_000_000
OF_FILTER = 10  # a filter that looks at what a code says of itself
OF_HIERARCHY = 1  # a filter that looks whether a code is among those beneath another one
OF_TEXT = 4  # a text that is searched for
OF_EXCLUDE = 5  # is a code of the list among those of an exclude or import?
OF_CODING = 40  # is a coding that is validated in an include?
OF_STORED = 10  # a code that is read from the store
OF_SET = 100  # a set of codes that the store has ready, however few
AT_ONCE = 1_000  # so many codes of such a set take one more step
# With fewer includes, excludes and filters than this, a value set costs what its code systems cost to read.
FEW = 20
