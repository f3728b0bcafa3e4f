"""Small files in the formats of the published ones; their prompts are made up."""

from __future__ import annotations

import json
from pathlib import Path

PARTI = (
    "Prompt\tCategory\tChallenge\tNote\n"
    "a tin\tArtifacts\tBasic\tshort\n"
    'a sign that says "no tea"\tArtifacts\tWriting & Symbols\t\n'
    "two geese on a raft\tAnimals\tQuantity\t\n"
    "a goat\tAnimals\tBasic\t\n"
    "soup\tFood & Beverage\tBasic\t\n"
)
GENEVAL = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"tag": "single_object", "include": [{"class": "kite", "count": 1}], "prompt": "a photo of a kite"},
        {"tag": "counting", "include": [{"class": "cup", "count": 3}], "prompt": "a photo of three cups"},
    )
)
COCO = (
    "id\timage_id\tcaption\theight\twidth\tfile_name\tcoco_url\n"
    "12\t34\tA goose walks on a pier.\t480\t640\tA.jpg\thttp://example.org/A.jpg\n"
    '9\t35\t"A sign that reads ""quiet"", on a door."\t480\t640\tB.jpg\thttp://example.org/B.jpg\n'
)
LONGTEXT = "".join(
    json.dumps(line, ensure_ascii=False) + "\n"
    for line in (
        {"category": "sign", "length": "short", "prompt": "A sign reads “NO TEA”.", "text": ["NO TEA"], "prompt_id": 0},
        {"category": "label", "length": "long", "prompt": "一个标签", "text": ["标签"], "prompt_id": 20},
    )
)
LINES = 'a mug that says "HI"\na door that says "PULL"\n\na flag that says "GO"'
GECKO = (
    ",dataset_id,prompt,prompt_type,prompt_id,v1_max_disagreement_less_0.45\n"
    '0,att/color:stroop,"a word, in red",Gecko(S),0,True\n'
    "1,posescript_416,somebody who kneels,Gecko(R),1,False\n"
)
FILES = {
    "parti-prompts": PARTI,
    "geneval": GENEVAL,
    "mlperf-coco": COCO,
    "longtext-bench": LONGTEXT,
    "flow-grpo-ocr": LINES,
    "gecko": GECKO,
    "t2i-compbench": LINES,
    "dpg-bench": "A long description of a goose.\n",
    "drawbench": LINES,
    "hpdv2": '["a goose in ink", "a pier, oil on canvas"]',
    "mjhq": '{"0a1b": {"category": "animals", "prompt": "a goose"}, "9f": {"category": "food", "prompt": "soup"}}',
}
"""A file for each set that is read."""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode(errors="surrogatepass"))
    return path
