"""Validates a CycloneDX 1.6 and an SPDX 2.3 document with the libraries of these formats. Prints what is wrong."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

cyclonedx, spdx = sys.argv[1:]
with open(cyclonedx, encoding="utf-8") as file:
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
messages = validate_full_spdx_document(parse_file(spdx))
for text in [problem] if problem else []:
    print("CycloneDX:", text)
for message in messages:
    print("SPDX:", message.validation_message)
sys.exit(1 if problem or messages else 0)
