"""Tables of CMS about codes of CPT and HCPCS, in the form in which CMS publishes them, with made-up numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SECRET = "a descriptor of the AMA"

ADDENDUM_B = (
    "HCPCS Code,Short Descriptor,SI,APC,Relative Weight,Payment Rate,National Unadjusted Copayment,"
    'Minimum Unadjusted Copayment,"Note: Actual copayments, at most $1,700",* Indicates a Change'
)


def addendum_b(
    *rows: str, title: str = "Addendum B.-Final OPPS Payment by HCPCS Code for CY 2031"
) -> list[str]:
    """Addendum B; a row has the cells after the descriptor: ``57520,J1,5415,35.4,"$3,307.24",.,$661.45,,``."""
    titles = [
        f"{title},,,,,,,,,",
        '"CPT codes, and descriptions, are copyright of the AMA",,,,,,,,,',
        ",,,,,,,,,",
    ]
    cells = (row.split(",", 1) for row in rows)
    return [*titles, ADDENDUM_B, *(f"{code},{SECRET},{rest}" for code, rest in cells)]


OPPS_ROWS = (
    '57520,J1,5415,35.4411,"$3,407.24 ",.,$681.45,,',
    "57455,J1,5053,5.0,$321.33,.,$62.27,,",
    "00940,N,,,,,,,",
    'G0463,J2,5012,1.4879,"$1,136.02",$30.00,$27.21,,*',
)

_ABOVE = (
    ",,,STATUS,MEDICARE,WORK,NON-FAC,NA,FACILITY,NA,MP,NON-FACILITY,FACILITY,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,"
    "ASST,CO-,TEAM,PRIC,ENDO,CONV,DIAGNOSTIC,CALCULATION,FAMILY,PAYMENT,PAYMENT,PAYMENT"
)
_NAMES = (
    "HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,"
    "SURG,SURG,SURG,SURG,IND,BASE,FACTOR,PROCEDURES,FLAG,INDICATOR,AMOUNT,AMOUNT,AMOUNT"
)


def fee_schedule(*rows: str, names: Iterable[str] = (_ABOVE, _NAMES)) -> list[str]:
    """A relative value file; a row is ``rvu_row``."""
    titles = (
        ",,2031 National Physician Fee Schedule Relative Value File July Release",
        ",,CPT codes and descriptions only are copyright 2031 American Medical Association.",
        ",,RELEASED 06/30/2031",
        ",,,,NOT USED",
    )
    return [*(title + "," * (31 - title.count(",")) for title in titles), *names, *rows]


def one_row_of_names() -> str:
    """The names of columns, each in one cell."""
    pairs = zip(_ABOVE.split(","), _NAMES.split(","), strict=True)
    return ",".join(f"{above} {name}".strip() for above, name in pairs)


def rvu_row(code: str, modifier: str = "", days: str = "090", work: str = "4.11") -> str:
    """A row of a code."""
    return (
        f'{code},{modifier},"{SECRET}, x",A,,{work},6.00,NA,NA,,0.60,10.71,8.71,0,{days},0.10,0.70,0.20,2,0,1,0,0,0,,'
        "33.4009,09,0,99,0.00,0.00,0.00"
    )


def edits(*rows: Sequence[str]) -> list[str]:
    """A file of procedure to procedure edits: codes, dates and indicator."""
    names = (
        "CPT only copyright 2031 American Medical Association.  All rights reserved.\t\t\t\t\t\t",
        "Column1/Column2 Edits\t\t\t\t\t\t",
        "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale",
        "\t\tprior to 1996\tDate\tDate\t0=not allowed\t",
        "\t\t\t\t*=no data\t1=allowed\t",
        "\t\t\t\t\t9=not applicable\t",
    )
    return [*names, *("\t".join((one, two, "", *rest, "Misuse of codes")) for one, two, *rest in rows)]


EDITS = (
    ("57520", "58120", "20200101", "*", "0"),
    ("57520", "57505", "20200101", "*", "1"),
    ("57520", "57500", "20200101", "20210101", "0"),
    ("57520", "57510", "20200101", "20311231", "0"),
    ("57520", "57511", "20200101", "20200101", "9"),
    ("57520", "G0463", "20200101", "*", "1"),
    ("57522", "57500", "20200101", "20210101", "0"),
    ("G0101", "57520", "20200101", "*", "0"),
)

UNITS = (
    '"CPT codes, descriptions and other data',
    'are copyright of the AMA",,,',
    '"HCPCS/',
    'CPT Code","Practitioner Services MUE Values","MUE Adjudication Indicator","MUE Rationale"',
    '57520,1,"2 Date of Service Edit: Policy",Anatomic',
    "J1100,20,1 Line Edit,x",
)
