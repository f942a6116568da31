"""Small releases of each importer, in the true formats, with made-up codes and words.

``RELEASES`` has a function for each kind of importer, which writes the release to a folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from terminology.systems.snomed.identifiers import is_identifier
from tests.support import claml_files, medicare_files


def write(folder: Path, name: str, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    """Write a file of lines; returns its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    return path


# -- ICD -----------------------------------------------------------------------------------------


def icd10pcs(folder: Path) -> None:
    write(folder, "icd10pcs_order_2031.txt", *_PCS_ORDER)
    write(folder, "icd10pcs_tables_2031.xml", *_PCS_TABLES)
    write(folder, "icd10pcs_index_2031.xml", *_PCS_INDEX)


def _order(number: int, code: str, flag: int, short: str, title: str) -> str:
    return f"{number:05} {code:7} {flag} {short:60} {title}"


_PCS_ORDER = (
    _order(1, "QAA", 0, "Wings, Folding", "Wings, Folding"),
    _order(2, "QAA10ZX", 1, "Fold L Wing, Open, Diagn", "Folding of Left Wing, Open Approach, Diagnostic"),
    _order(3, "QAA10ZZ", 1, "Fold L Wing, Open", "Folding of Left Wing, Open Approach"),
    _order(4, "QAA2XZZ", 1, "Fold R Wing, Ext", "Folding of Right Wing, External Approach"),
)
_PCS_TABLES = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<ICD10PCS.tabular><version>2031</version>",
    "<pcsTable>",
    '<axis pos="1" values="1"><title>Section</title><label code="Q">Flying</label></axis>',
    '<axis pos="2" values="1"><title>Body System</title><label code="A">Wings</label></axis>',
    '<axis pos="3" values="1"><title>Operation</title><label code="A">Folding</label>',
    "<definition>Laying a wing together</definition></axis>",
    '<pcsRow codes="2"><axis pos="4" values="1"><title>Body Part</title>',
    '<label code="1">Left Wing</label></axis>',
    '<axis pos="5" values="1"><title>Approach</title><label code="0">Open</label></axis>',
    '<axis pos="6" values="1"><title>Device</title><label code="Z">No Device</label></axis>',
    '<axis pos="7" values="2"><title>Qualifier</title><label code="X">Diagnostic</label>',
    '<label code="Z">No Qualifier</label></axis></pcsRow>',
    '<pcsRow codes="1"><axis pos="4" values="1"><title>Body Part</title>',
    '<label code="2">Right Wing</label></axis>',
    '<axis pos="5" values="1"><title>Approach</title><label code="X">External</label></axis>',
    '<axis pos="6" values="1"><title>Device</title><label code="Z">No Device</label></axis>',
    '<axis pos="7" values="1"><title>Qualifier</title><label code="Z">No Qualifier</label></axis></pcsRow>',
    "</pcsTable></ICD10PCS.tabular>",
)


_PCS_INDEX = (
    '<?xml version="1.0" encoding="utf-8"?>',
    "<ICD10PCS.index>",
    "  <version>2031</version>",
    "  <title>2031 ICD-10-PCS Index</title>",
    "  <letter>",
    "    <title>P</title>",
    "    <mainTerm><title>Pinion</title><use>Wings</use></mainTerm>",
    "    <mainTerm><title>Pterygectomy, right</title><see>Folding, Wing<codes>QAA2</codes></see></mainTerm>",
    "    <mainTerm>",
    "      <title>Pterygorrhaphy</title>",
    '      <term level="1"><see>Folding</see></term>',
    '      <term level="1"><see>Folding, Wings<tab>QAA</tab></see></term>',
    '      <term level="1"><title>External</title>',
    '        <term level="2"><title>Right</title><code>QAA2XZZ</code></term>',
    "      </term>",
    "    </mainTerm>",
    "  </letter>",
    "</ICD10PCS.index>",
)


def icd10cm(folder: Path) -> None:
    write(folder, "icd10cm_tabular_2031.xml", *_CM_TABULAR)
    write(folder, "icd10cm_index_2031.xml", *_CM_INDEX)
    write(folder, "icd10cm_neoplasm_2031.xml", *_CM_NEOPLASMS)
    write(folder, "msdrgv48.0icd10_r0_definitionsmanual_text/appendix_C.txt", *APPENDIX_C, end="\r\n")


_CM_TABULAR = (
    '<?xml version="1.0" encoding="utf-8"?>',
    "<ICD10CM.tabular><version>2031</version><introduction/>",
    "<chapter><name>1</name><desc>Diseases of dragons (Q00-Q99)</desc>",
    "<includes><note>all fire breathers</note></includes>",
    '<section id="Q00-Q01"><desc>Diseases of wings (Q00-Q01)</desc>',
    "<diag><name>Q00</name><desc>Torn wing</desc><excludes1><note>clipped wing (Q01.-)</note></excludes1>",
    "<diag><name>Q00.0</name><desc>Torn left wing</desc>",
    "<inclusionTerm><note>Rip of left wing</note></inclusionTerm></diag>",
    "<diag><name>Q00.1</name><desc>Torn right wing</desc></diag></diag>",
    "<diag><name>Q01</name><desc>Clipped wing</desc>",
    '<sevenChrDef><extension char="A">initial encounter</extension>',
    '<extension char="S">sequela</extension></sevenChrDef>',
    "<notes><note>7th characters S do not apply to codes in category Q01 with 6th character 7 - for ever",
    "</note></notes>",
    "<diag><name>Q01.1</name><desc>Clipped left wing</desc></diag>",
    "<diag><name>Q01.2</name><desc>Clipped, other</desc>",
    "<diag><name>Q01.217</name><desc>Clipped for ever</desc></diag></diag></diag></section>",
    '<section id="Q9A"><desc>Smoke (Q9A)</desc><diag><name>Q9A</name><desc>Smoke</desc></diag></section>',
    "</chapter></ICD10CM.tabular>",
)


_CM_INDEX = (
    '<?xml version="1.0" encoding="utf-8"?>',
    "<ICD10CM.index>",
    "  <version>2031</version>",
    "  <title>ICD-10-CM INDEX TO DISEASES OF DRAGONS</title>",
    "  <letter>",
    "    <title>C</title>",
    "    <mainTerm><title>Clipping<nemod>(of claw) (wing)</nemod> NEC</title><seeAlso>Tear</seeAlso>",
    "      <code>Q01.-</code>",
    '      <term level="1"><title>left</title><code>Q01.1</code><manif>Q9A</manif></term>',
    '      <term level="1"><title>tail</title><see>condition</see></term>',
    "    </mainTerm>",
    "  </letter>",
    "</ICD10CM.index>",
)
_CM_NEOPLASMS = (
    '<?xml version="1.0" encoding="utf-8"?>',
    "<ICD10CM.index>",
    "  <version>2031</version>",
    "  <indexHeading>",
    '    <head col="1">Neoplasm</head>',
    '    <head col="2">Malignant Primary</head>',
    '    <head col="3">Benign</head>',
    "  </indexHeading>",
    "  <letter>",
    "    <title>N</title>",
    "    <mainTerm><title>Neoplasm, draconic</title>",
    '      <term level="1"><title>snout</title><cell col="2">Q9A</cell><cell col="3">-</cell></term>',
    "    </mainTerm>",
    "  </letter>",
    "</ICD10CM.index>",
)


APPENDIX_C = (
    ":======================================================================:",
    "|       Appendix C Complications or Comorbidities Exclusion List       |",
    ":======================================================================:",
    "",
    "Part 1 lists these codes. Each code is indicated as CC or MCC.",
    "",
    "Appendix C Part 1: List of CC and Major CC Codes",
    " I10 Dx  Lev HAC PDX Exclusions   ICD-10-CM Description",
    " Q000    CC     0002:2 codes     Torn left wing                          ",
    " Q011XXA MCC 05 0003:1,070 codes Clipped left wing",
    " Q9A     CC     No Excl          Smoke",
    "",
    "PDX collection 0002",
    "  Q001    Torn right wing",
    "  Q9A     Smoke",
    "",
    "PDX collection 0003",
    "  Q9A     Smoke",
    "",
    "Appendix C Part 2: Codes that are CC or Major CC only if patient discharged alive",
    "",
    "  Q9A     Smoke",
    "",
    "Appendix C Part 3: Secondary Diagnosis CC/MCC Severity Exclusions in Select MS-DRGs",
    "",
    "MDC 77 DRGs 901-902 Wing Procedures",
    "",
    "  Q000    Torn left wing",
)


def icd9cm(folder: Path) -> None:
    latin = {"encoding": "latin-1", "end": "\r\n"}
    write(
        folder,
        "CMS77_DESC_LONG_DX.txt",
        "0010  Wyvern pox",
        "00321 Señor's wing",
        "E8501 Burnt by dragon",
        **latin,
    )
    write(folder, "CMS77_DESC_SHORT_DX.txt", "0010  Wyvern px", "00321 Senor wing", "E8501 Burnt", **latin)
    write(folder, "CMS77_DESC_LONG_SG.txt", "0011 Folding of wing", "672  Clipping of claw", **latin)


def gem(folder: Path) -> None:
    rows = (
        "0010  QAA10ZZ 10000",
        "0010  QAA10ZX 10000",
        "0011  QAA10ZX 10111",
        "0011  QAA10ZZ 10111",
        "0011  QAA2XZZ 10112",
        "0011  QAA30ZZ 10113",
        "0011  QAA40ZZ 10113",
        "0012  NoPCS   11000",
    )
    write(folder, "gem_i9pcs_2031.txt", *rows, end="\r\n")


def claml(folder: Path) -> None:
    write(folder, "icd10gm2031syst_claml_20300913.xml", *claml_files.GERMAN_DRAGONS.splitlines())


# -- the others ----------------------------------------------------------------------------------


def hcpcs(folder: Path) -> None:
    rows = (
        hcpcs_line(
            "Q0001", "00100", "3", "Wing splint, short, for a dragon", "Wing splint", terminated="20291231"
        ),
        hcpcs_line("Q0001", "00200", "4", "of the smaller kind"),
        hcpcs_line("Q0002", "00100", "3", "Claw file, steel", "Claw file"),
        hcpcs_line("   QZ", "00100", "7", "Left wing", "Left wing"),
    )
    write(folder, "HCPC2031_JAN_ANWEB.txt", *rows, encoding="cp1252", end="\r\n")


def hcpcs_line(
    code: str, sequence: str, record: str, text: str, short: str = "", terminated: str = ""
) -> str:
    """A record of 320 characters of CMS's alpha-numeric file."""
    head = f"{code}{sequence}{record}{text:80}{short:28}"
    return f"{head:268}20200101{'20200101':8}{terminated:8}N".ljust(320)


def msdrg(folder: Path) -> None:
    heads = "MS-DRG \tFY 2031 Final Post-Acute DRG\tFY 2031 Final Special Pay DRG\tMDC\tTYPE\tMS-DRG Title"
    write(
        folder,
        "table5.txt",
        '"TABLE 5.—LIST OF GROUPS, ',
        'AND STAY—FY 2031 Final Rule"' + "\t" * 9,
        heads + "\tWeights - Before Cap\tWeights - 10% Cap Applied \tGeometric mean LOS\tArithmetic mean LOS",
        '901\tYes\tNo\t77\tSURG\t"WING PROCEDURES, OTHER"\t2.0491\t2.1000\t1.5\t2.0',
        "902\tNo\tNo\t \t**\tUNGROUPABLE DRAGON\t.\t.\t.\t",
        encoding="cp1252",
        end="\r\n",
    )

    folder = folder / "msdrgv48.1icd10_r0_definitionsmanual_text"
    write(folder, "appendix_A.txt", *APPENDIX_A, end="\r\n")
    write(folder, "appendix_B.txt", *APPENDIX_B, end="\r\n")
    write(folder, "appendix_D_E.txt", *APPENDIX_D_E, end="\r\n")


APPENDIX_A = (
    ":======================================================================:",
    "|     Appendix A List of MS-DRGs Version 48.1     |",
    ":======================================================================:",
    "",
    "The letter M is used to designate a medical MS-DRG.",
    "",
    "DRG MDC MS Description",
    "901 77  P  Wing Procedures, Other",
    "902        Ungroupable Dragon or Egg",
    "904 77  M  Disorders of Wings",
    "905     P  Transplant of Wings",
    "999        Ungroupable",
)
APPENDIX_B = (
    ":======================================================================:",
    "|           Appendix B Diagnosis Code/MDC/MS-DRG Index           |",
    ":======================================================================:",
    "",
    " I10 Dx  MDC DRG(s)      ICD-10-CM Description",
    " Q000    77  901-904     Torn left wing",
    "         78  904,905     ",
    " Q9A     Pre 905         Smoke",
)
APPENDIX_D_E = (
    "|  Appendix D MS-DRG Surgical Hierarchy by MDC and MS-DRG  |",
    "",
    "MDC 77 Diseases and Disorders of Wings",
    "  901-902 Wing Procedures",
    "",
    "Procedure Code/MS-DRG Index",
    "    CODE    MDC MS-DRG  SURGICAL CATEGORY",
    "  QAA10ZX*+             Code only used in clusters",
    "  QAA10ZZ   77  901-902 Wing Procedures",
    "            78  905     Transplant of Wings",
    "  QAA2XZZ*  78  904-905 ",
    "  QAA30ZZ+  Pre 905     Transplant of Wings",
    "",
    "Procedure Cluster/MS-DRG Index",
    " CODE COMBINATION  MDC MS-DRG  SURGICAL CATEGORY",
    "  QAA10ZX          77  901     Wing Procedures",
    "  and QAA30ZZ      ",
)


def opps(folder: Path) -> None:
    write(folder, "2031 July Web Addendum B.csv", *medicare_files.addendum_b(*medicare_files.OPPS_ROWS))


def rvu(folder: Path) -> None:
    rows = (
        medicare_files.rvu_row("57520"),
        medicare_files.rvu_row("71046", "26"),
        medicare_files.rvu_row("G0101"),
    )
    write(folder, "PPRRVU2031_Jul_nonQPP.csv", *medicare_files.fee_schedule(*rows), end="\r\n")


def ncci(folder: Path) -> None:
    write(folder, "ccipra-v372r0-f1.txt", *medicare_files.edits(*medicare_files.EDITS), end="\r\n")
    write(folder, "MCR_MUE_PractitionerServices_Eff_07-01-2031.csv", *medicare_files.UNITS, encoding="cp1252")


def cpt(folder: Path) -> None:
    folder = folder / "cpt-2031"
    write(
        folder,
        "LONGULT.txt",
        "99001 Made-up long text one",
        "99002 1234\tMade-up long text two",
        "0001T Made-up three",
    )
    write(folder, "LONGUT.txt", "99001 MADE-UP LONG TEXT ONE")
    write(folder, "MEDU.txt", "99001 MADE-UP MEDIUM")
    write(folder, "SHORTU.txt", "99001 MADE-UP SHORT")
    write(folder, "ConsumerDescriptor.txt", "1000001 99001 Made-up words for everyone")
    clinician = (
        "1000001 99001 Made-up words for clinicians",
        "1000001 99001 More made-up words for clinicians",
    )
    write(folder, "ClinicianDescriptor.txt", *clinician)
    heads = "Code,General,PhysicalStatus,LevelOne,LevelTwo,HCPCS,Definition"
    write(folder, "modifiers.csv", heads, '"Z1",,,"1",,,"Made-up, modifier"', '"P9",,"1",,,,"Made-up status"')


def identifier(item: int, partition: str = "00") -> str:
    """A SNOMED CT identifier that was never assigned, with the right check digit."""
    stem = f"99999{item:04}{partition}"
    return next(f"{stem}{digit}" for digit in range(10) if is_identifier(f"{stem}{digit}"))


ROOT, WING, TORN, OLD, SITE = (identifier(item) for item in range(1, 6))
_US, _GB, _CORE = "900000000000509007", "900000000000508004", "900000000000207008"
_HEAD = ("20310101", "1", _CORE)
_FSN, _SYNONYM, _DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
_PREFERRED, _ACCEPTABLE = "900000000000548007", "900000000000549004"


def snomed(folder: Path) -> None:
    terminology = folder / "Made-up_RF2" / "Snapshot" / "Terminology"
    content = folder / "Made-up_RF2" / "Snapshot" / "Refset"
    _table(
        terminology, "sct2_Concept_Snapshot_INT_20310101.txt", _COMPONENT + " definitionStatusId", _concepts()
    )
    columns = " conceptId languageCode typeId term caseSignificanceId"
    _table(
        terminology, "sct2_Description_Snapshot-en_INT_20310101.txt", _COMPONENT + columns, _descriptions()
    )
    definition = ("9000001", *_HEAD, TORN, "en", _DEFINITION, "A wing with a tear.", "1")
    _table(
        terminology, "sct2_TextDefinition_Snapshot-en_INT_20310101.txt", _COMPONENT + columns, [definition]
    )
    columns = " sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId"
    _table(terminology, "sct2_Relationship_Snapshot_INT_20310101.txt", _COMPONENT + columns, _relationships())
    columns = " sourceId value relationshipGroup typeId characteristicTypeId modifierId"
    concrete = ("9000002", *_HEAD, TORN, "#2.5", "2", WING, "900000000000011006", "1")
    _table(
        terminology,
        "sct2_RelationshipConcreteValues_Snapshot_INT_20310101.txt",
        _COMPONENT + columns,
        [concrete],
    )
    for name, columns, rows in _refsets():
        _table(content, name, f"{_COMPONENT} refsetId referencedComponentId{columns}", rows)


_COMPONENT = "id effectiveTime active moduleId"
IS_A = "116680003"


def _table(folder: Path, name: str, columns: str, rows: Sequence[Sequence[str]]) -> None:
    write(folder, name, "\t".join(columns.split()), *("\t".join(row) for row in rows), end="\r\n")


def _concepts() -> list[tuple[str, ...]]:
    defined, primitive = "900000000000073002", "900000000000074008"
    rows = [(id_, *_HEAD, defined if id_ == TORN else primitive) for id_ in (ROOT, WING, TORN, SITE)]
    return [*rows, (OLD, "20300101", "0", _CORE, primitive)]


DESCRIPTION = [identifier(item, "01") for item in range(100, 112)]


def _descriptions() -> list[tuple[str, ...]]:
    said = (
        (ROOT, _FSN, "Dragon concept (dragon)"),
        (WING, _FSN, "Wing (body part)"),
        (WING, _SYNONYM, "Wing"),
        (TORN, _FSN, "Torn wing (injury)"),
        (TORN, _SYNONYM, "Color loss of wing"),
        (TORN, _SYNONYM, "Colour loss of wing"),
        (TORN, _SYNONYM, "Wing rip"),
        (OLD, _SYNONYM, "Ripped wing"),
        (SITE, _FSN, "Site (attribute)"),
    )
    rows = [
        (id_, *_HEAD, concept, "en", type_, term, "1")
        for id_, (concept, type_, term) in zip(DESCRIPTION, said, strict=False)
    ]
    return [*rows, (DESCRIPTION[11], "20310101", "0", _CORE, TORN, "en", _SYNONYM, "Withdrawn words", "1")]


def _relationships() -> list[tuple[str, ...]]:
    inferred = "900000000000011006"
    rows = (
        (WING, ROOT, "0", IS_A),
        (TORN, ROOT, "0", IS_A),
        (SITE, ROOT, "0", IS_A),
        (TORN, WING, "1", SITE),
    )
    made = [(f"90000{n}", *_HEAD, *row, inferred, "1") for n, row in enumerate(rows)]
    return [*made, ("900009", "20310101", "0", _CORE, TORN, SITE, "0", IS_A, inferred, "1")]


def _refsets() -> list[tuple[str, str, list[tuple[str, ...]]]]:
    def member(refset: str, component: str, *rest: str) -> tuple[str, ...]:
        return ("u-1", *_HEAD, refset, component, *rest)

    language = [
        *(member(refset, DESCRIPTION[place], _PREFERRED) for refset in (_US, _GB) for place in (0, 2, 3)),
        member(_US, DESCRIPTION[4], _PREFERRED),
        member(_GB, DESCRIPTION[4], _ACCEPTABLE),
        member(_GB, DESCRIPTION[5], _PREFERRED),
    ]
    extended = [
        member(
            "447562003",
            TORN,
            "1",
            "1",
            "IFA 1",
            "ALWAYS Q00.0 | CONSIDER AGE",
            "Q00.0",
            "447561005",
            "447637006",
        ),
        member(
            "447562003", TORN, "1", "2", "OTHERWISE TRUE", "ALWAYS Q00.9", "Q00.9", "447561005", "447637006"
        ),
        member("447562003", TORN, "2", "1", "TRUE", "ALWAYS X99", "X99", "447561005", "447637006"),
        member("447562003", WING, "1", "1", "TRUE", "CANNOT BE CLASSIFIED", "", "447556008", "447638001"),
    ]
    columns = " mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId"
    return [
        ("der2_cRefset_LanguageSnapshot-en_INT_20310101.txt", " acceptabilityId", language),
        (
            "der2_cRefset_AssociationSnapshot_INT_20310101.txt",
            " targetComponentId",
            [member("900000000000526001", OLD, TORN)],
        ),
        (
            "der2_cRefset_AttributeValueSnapshot_INT_20310101.txt",
            " valueId",
            [member("900000000000489007", OLD, "900000000000483008")],
        ),
        ("der2_Refset_SimpleSnapshot_INT_20310101.txt", "", [member(identifier(77), TORN)]),
        (
            "der2_sRefset_SimpleMapSnapshot_INT_20310101.txt",
            " mapTarget",
            [member("446608001", WING, "C99.9")],
        ),
        ("der2_iisssccRefset_ExtendedMapSnapshot_INT_20310101.txt", columns, extended),
        (
            "der2_ssRefset_ModuleDependencySnapshot_INT_20310101.txt",
            " sourceEffectiveTime targetEffectiveTime",
            [("u-1", *_HEAD, "900000000000534007", "900000000000012004", "20310101", "20310101")],
        ),
    ]


def loinc(folder: Path) -> None:
    base = folder / "Loinc_2.99"
    columns = (
        "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS STATUS CLASSTYPE "
        "SHORTNAME ORDER_OBS LONG_COMMON_NAME CONSUMER_NAME EXTERNAL_COPYRIGHT_NOTICE DefinitionDescription"
    ).split()
    axes = "Smoke MCnc Pt {} Qn  DRAGON"
    smoke = f"99995-3 {axes.format('Breath')} ACTIVE 1 Smoke#Brth Both Smoke#in#Breath Smoke,#breath  Words"
    old = f"99996-1 {axes.format('Air')} DEPRECATED 1 Smoke#Air Both Smoke#in#Air  ©#Others "
    _csv(base / "LoincTable", "Loinc.csv", columns, smoke, old)
    accessory = base / "AccessoryFiles"
    columns = "PartNumber PartTypeName PartName PartDisplayName Status".split()
    parts = ("LP90001-1 COMPONENT Smoke Smoke#of#dragons ACTIVE", "LP90002-9 CLASS DRAGON Dragons ACTIVE")
    _csv(accessory / "PartFile", "Part.csv", columns, *parts)
    columns = "LoincNumber PartNumber PartTypeName LinkTypeName Property".split()
    link = "99995-3 LP90001-1 COMPONENT Primary http://loinc.org/property/COMPONENT"
    _csv(accessory / "PartFile", "LoincPartLink_Primary.csv", columns, link)
    columns = "PATH_TO_ROOT SEQUENCE IMMEDIATE_PARENT CODE CODE_TEXT".split()
    tree = (" 1  LP90009-9 {dragons}", "LP90009-9 1 LP90009-9 99995-3 Smoke")
    _csv(accessory / "ComponentHierarchyBySystem", "ComponentHierarchyBySystem.csv", columns, *tree)
    columns = "AnswerListId AnswerListName AnswerStringId SequenceNumber DisplayText".split()
    answers = ("LL9001-1 Colour LA9001-2 1 Red", "LL9001-1 Colour LA9002-0 2 Green")
    _csv(accessory / "AnswerFile", "AnswerList.csv", columns, *answers)
    columns = "LoincNumber AnswerListId AnswerListLinkType".split()
    _csv(accessory / "AnswerFile", "LoincAnswerListLink.csv", columns, "99995-3 LL9001-1 NORMATIVE")
    columns = "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP LONG_COMMON_NAME".split()
    variant = "99995-3 Fumée ConcMasse Ponctuel Haleine Quantitatif  Fumée#[Masse]#Haleine"
    _csv(accessory / "LinguisticVariants", "frFR18LinguisticVariant.csv", columns, variant)


def _csv(folder: Path, name: str, columns: list[str], *rows: str) -> None:
    """A row of cells, from a text: one blank ends a cell, # stands for a blank within a cell."""
    cells = [[cell.replace("#", " ") for cell in row.split(" ")] for row in rows]
    quoted = (",".join(f'"{cell}"' for cell in row) for row in [columns, *cells])
    write(folder, name, *quoted, end="\r\n")


def rxnorm(folder: Path) -> None:
    base = folder / "RxNorm_full_01062031" / "rrf"

    def conso(cui: str, source: str, type_: str, text: str, suppress: str = "N") -> str:
        return f"{cui}|ENG||||||A{cui}||||{source}|{type_}|X|{text}||{suppress}||"

    names = (
        conso("900001", "RXNORM", "SCD", "fireproofin 10 MG Oral Tablet"),
        conso("900001", "RXNORM", "PSN", "fireproofin 10 mg tablet"),
        conso("900001", "OTHER", "FN", "Words of another source"),
        conso("900002", "RXNORM", "IN", "fireproofin"),
        conso("900003", "RXNORM", "IN", "oldproofin", "O"),
    )
    write(base, "RXNCONSO.RRF", *names)
    relation = "900002||CUI|RO|900001||CUI|has_ingredient|1||RXNORM|RXNORM|||N||"
    write(
        base,
        "RXNREL.RRF",
        relation,
        relation.replace("|RXNORM|RXNORM|", "|OTHER|OTHER|").replace("900002", "900003"),
    )
    write(base, "RXNSTY.RRF", "900001|T200|A1|Clinical Drug|AT1||")
    write(base, "RXNSAT.RRF", "900001|||A|CUI|X|AT2||NDC|RXNORM|99999000101|N||")


def omop(folder: Path) -> None:
    columns = (
        "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code "
        "valid_start_date valid_end_date invalid_reason"
    )
    concepts = [
        ("9000001", 'Torn "wing"', "Condition", "SNOMED", "Finding", "S", TORN, "20200101", "20991231", ""),
        ("9000002", "Ripped wing", "Condition", "ICD10CM", "Code", "", "Q00.0", "20200101", "20300101", "D"),
    ]
    _table(folder, "CONCEPT.csv", columns, concepts)
    _table(
        folder,
        "CONCEPT_SYNONYM.csv",
        "concept_id concept_synonym_name language_concept_id",
        [("9000001", "Ala rota", "4182511")],
    )
    columns = "concept_id_1 concept_id_2 relationship_id valid_start_date valid_end_date invalid_reason"
    maps = [("9000002", "9000001", "Maps to", "20200101", "20991231", "")]
    _table(folder, "CONCEPT_RELATIONSHIP.csv", columns, maps)
    version = [("None", "Whole", "OMOP", "v5.0 27-FEB-31", "1"), ("SNOMED", "Made up", "x", "1", "2")]
    columns = "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id"
    _table(folder, "VOCABULARY.csv", columns, version)


def ndc(folder: Path) -> None:
    base = folder / "ndctext_20310301"
    columns = (
        "PRODUCTID PRODUCTNDC PRODUCTTYPENAME PROPRIETARYNAME PROPRIETARYNAMESUFFIX NONPROPRIETARYNAME "
        "DOSAGEFORMNAME ROUTENAME STARTMARKETINGDATE ENDMARKETINGDATE MARKETINGCATEGORYNAME APPLICATIONNUMBER "
        "LABELERNAME"
    )
    rest = ("TABLET", "ORAL", "20300101", "", "NDA", "N1", "Dragon Works")
    products = [
        ("1", "0099-3105", "HUMAN PRESCRIPTION DRUG", "Fireproof", "Forte", "fireproofin", *rest),
        ("2", "99999-040", "HUMAN OTC DRUG", "Scalesoft", "", "scalesoftin", *rest),
        ("3", "99998-4112", "HUMAN OTC DRUG", "Smokeless", "", "smokelessin", *rest),
    ]
    _table(base, "product.txt", columns, products)
    columns = (
        "PRODUCTID PRODUCTNDC NDCPACKAGECODE PACKAGEDESCRIPTION STARTMARKETINGDATE ENDMARKETINGDATE NDC_EXCLUDE_FLAG "
        "SAMPLE_PACKAGE"
    )
    packages = [
        ("1", "0099-3105", "0099-3105-02", "100 TABLETS in 1 BOTTLE", "20300101", "", "N", "N"),
        ("2", "99999-040", "99999-040-62", "1 TUBE in 1 CARTON", "20300101", "", "E", "N"),
        ("3", "99998-4112", "99998-4112-1", "30 TABLETS in 1 BOTTLE", "20300101", "", "N", "Y"),
    ]
    _table(base, "package.txt", columns, packages)


def cvx(folder: Path) -> None:
    write(
        folder,
        "cvx.txt",
        "03 |dragonpox|dragonpox virus vaccine|A note|Active|False|2031/02/01",
        "143 |fire globulin|fire immune globulin||Inactive|True|2030/09/30",
        "998|no vaccine|no vaccine administered||Never Active|True|2029/12/05",
        end="\r\n",
    )


def fhir(folder: Path) -> None:
    write(folder, "dragons.json", json.dumps(DRAGONS))


DRAGONS = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/fhir/CodeSystem/dragons",
    "version": "1",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "property": [
        {"code": "fires", "type": "decimal"},
        {"code": "gone", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"},
        {"code": "above", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
    ],
    "concept": [
        {
            "code": "dragon",
            "display": "Dragon",
            "concept": [
                {
                    "code": "wyvern",
                    "display": "Wyvern",
                    "property": [{"code": "fires", "valueDecimal": 2.50}],
                },
                {"code": "drake", "designation": [{"language": "de", "value": "Drache"}]},
            ],
        },
        {
            "code": "hydra",
            "property": [{"code": "above", "valueCode": "dragon"}, {"code": "gone", "valueBoolean": True}],
        },
    ],
}


R4_MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/map",
    "version": "1",
    "sourceUri": "http://example.org/vs",
    "group": [
        {
            "source": "http://example.org/from",
            "target": "http://example.org/to",
            "element": [
                {
                    "code": "a",
                    "target": [
                        {
                            "code": "x",
                            "equivalence": "wider",
                            "dependsOn": [{"property": "http://example.org/side", "value": "left"}],
                        }
                    ],
                },
                {"code": "b", "target": [{"equivalence": "unmatched", "comment": "None."}]},
                {"code": "c", "target": [{"code": "x", "equivalence": "subsumes"}]},
            ],
            "unmapped": {"mode": "provided"},
        }
    ],
}


def csv(folder: Path) -> None:
    write(
        folder,
        "mapping.toml",
        "[CodeSystem]",
        'url = "http://example.org/fhir/CodeSystem/wings"',
        'version = "2031"',
        "[file]",
        'delimiter = ";"',
        "[columns]",
        'code = "Code"',
        'display = "Name"',
        'parent = "Above"',
        "[[designation]]",
        'column = "Name (de)"',
        'language = "de"',
        'separator = "|"',
        "[[property]]",
        'column = "Span"',
        'code = "span"',
        'type = "decimal"',
    )
    write(
        folder,
        "wings.csv",
        "Code;Name;Above;Name (de);Span",
        "w;Wing;;Flügel|Schwinge;2.50",
        'l;"Wing; left";w;;',
    )


def xlsx(folder: Path) -> None:
    import openpyxl

    folder.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Maps")
    for row in (("From", "To", "How", "When"), (101, "A", "=", "left"), (102, "No map", None, None)):
        sheet.append(row)
    book.save(folder / "map.xlsx")
    write(
        folder,
        "mapping.toml",
        "[ConceptMap]",
        'url = "http://example.org/fhir/ConceptMap/wings"',
        'version = "2031"',
        'source = "http://example.org/from"',
        'target = "http://example.org/to"',
        "[file]",
        'sheet = "Maps"',
        "[columns]",
        'source = "From"',
        'target = "To"',
        'relationship = "How"',
        "[relationships]",
        '"=" = "equivalent"',
        "[[dependsOn]]",
        'column = "When"',
        'attribute = "http://example.org/side"',
        'type = "code"',
    )


RELEASES: dict[str, Callable[[Path], None]] = {
    "icd10pcs": icd10pcs,
    "icd10cm": icd10cm,
    "icd9cm": icd9cm,
    "claml": claml,
    "gem": gem,
    "hcpcs": hcpcs,
    "msdrg": msdrg,
    "cpt": cpt,
    "opps": opps,
    "rvu": rvu,
    "ncci": ncci,
    "snomed": snomed,
    "loinc": loinc,
    "rxnorm": rxnorm,
    "omop": omop,
    "ndc": ndc,
    "cvx": cvx,
    "fhir": fhir,
    "csv": csv,
    "xlsx": xlsx,
}


# A row that is malformed: the file to add it to, the row, and words of the problem that is reported.
MALFORMED = {
    "icd10pcs": ("icd10pcs_order_2031.txt", "00005 QAA3", "expected number, code, flag and titles"),
    "icd9cm": ("CMS77_DESC_LONG_DX.txt", "0012 x", "expected the code of a diagnosis in columns 1-5"),
    "gem": ("gem_i9pcs_2031.txt", "0013  QAA 1", "expected source, target and five flags"),
    "hcpcs": ("HCPC2031_JAN_ANWEB.txt", "Q00", "expected code, sequence and record"),
    "msdrg": ("table5.txt", "90x\tNo\tNo\t77\tSURG\tT\t1\t1\t1\t1", "expected a group of three digits"),
    "cpt": ("LONGULT.txt", "990", "expected a code of five characters"),
    "opps": ("2031 July Web Addendum B.csv", "57500,x", "2 columns where the header has 10"),
    "rvu": ("PPRRVU2031_Jul_nonQPP.csv", "57500,x", "2 columns where the header has 32"),
    "ncci": ("ccipra-v372r0-f1.txt", "57500\tx", "2 columns where the header has 7"),
    "snomed": ("sct2_Concept_Snapshot_INT_20310101.txt", "1\t2", "2 columns where the header has 5"),
    "loinc": ("Loinc.csv", '"99997-9","x"', "2 columns where the header has 16"),
    "rxnorm": ("RXNCONSO.RRF", "900009|ENG|", "expected 18 columns with | after each"),
    "omop": ("CONCEPT.csv", "9000009\tx", "2 columns where the header has 10"),
    "ndc": ("package.txt", "1\tx", "2 columns where the header has 8"),
    "cvx": ("cvx.txt", "03|x", "expected a code of two or three digits and 7 columns"),
    "csv": ("wings.csv", "x;y", "2 columns where the header has 5"),
}
