"""Bounds of the operations on their own work.

``cost`` estimates the steps of a request before it is answered, ``core.budget`` counts them while it is.
"""

from __future__ import annotations

# -- the texts of a request ----------------------------------------------------------------------

# Characters of a code or version: post-coordinated expressions of SNOMED CT, which are the longest codes in use, have
# some thousand.
LONGEST_CODE = 10_000
# Characters of any other text, such as a url, which may have an ECL expression with its percent signs, or a display.
LONGEST_TEXT = 160_000
# How often one parameter may be repeated. Of resources and of Codings, the body and the budget bound the number.
MOST_REPEATED = 200
# Characters and words of a text filter.
LONGEST_FILTER = 2_000
MOST_WORDS = 50

# -- $validate-code ------------------------------------------------------------------------------

# The codings of one CodeableConcept.
MOST_CODINGS = 500

# -- $expand and value sets ----------------------------------------------------------------------

# The filters of one include.
MOST_FILTERS = 200
# The levels of an expansion; a deeper one is answered as a list. Every level is two of JSON (an object and a
# list), of which our own reader takes 200 and the writer 254.
DEEPEST_TREE = 60

# The words of a search text that is searched again with other words, and how often that is done.
MOST_WORDS_TO_CORRECT = 8
MOST_CORRECTIONS = 6

# -- $related ------------------------------------------------------------------------------------

# The codes in each list of the diagnostics.
MOST_COMPARED = 1_000

# -- $find-matches -------------------------------------------------------------------------------

# The properties that are compared.
MOST_PROPERTIES = 100
# The codes that have one of the properties.
MOST_CANDIDATES = 100_000
# The codes of an answer.
MOST_MATCHES = 1_000

# -- $closure ------------------------------------------------------------------------------------

# Characters of the name of a table.
LONGEST_TABLE_NAME = 255
# The pairs of codes that one request compares.
MOST_PAIRS = 200_000

# -- $translate ----------------------------------------------------------------------------------

# The matches that chains of two maps give.
MOST_CHAINS = 100
# The maps that lead to a further one for codes that they do not list.
MOST_HOPS = 50
# The codes of a value set that a map has as a target.
MOST_TARGETS = 100

# Characters of a message.
LONGEST_MESSAGE = 1_000

# -- the steps of a request ----------------------------------------------------------------------

# With no more includes, excludes and filters than this, a value set costs only what its code systems cost to
# read, and is not counted.
UNCOUNTED_PARTS = 20

STEPS_OF_BLOCK = 50  # compile one include or exclude
STEPS_OF_MAP = 50  # look for one code in one group of a map
STEPS_OF_MATCH = 10  # make one match of another one
STEPS_OF_ENTRY = 50  # describe and write one code of an expansion
STEPS_OF_PAIR = 2  # compare one designation or property with one that the request asks for
STEPS_OF_FILTER = 10  # test one code by its properties
STEPS_OF_HIERARCHY = 1  # test whether one code is below another
STEPS_OF_TEXT = 4  # search one code for a text
STEPS_OF_EXCLUDE = 5  # test whether a code of the list is in an exclude or import
STEPS_OF_CODING = 40  # test whether a coding is in an include
STEPS_OF_STORED_CODE = 10  # read one code from the store
STEPS_OF_SET = 100  # fetch a set of codes that the store has, however small
CODES_OF_SET_PER_STEP = 1_000  # and one step more for so many codes of it
