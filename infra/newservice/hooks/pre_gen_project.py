"""Refuses a name that no service can have, before anything is made. The folder that is being made has the name."""
import os
import re
import sys

# Go's own words, and what stands in services/ or in the template already.
TAKEN = ("all break case chan const continue default defer else fallthrough for func go goto if import interface map package range return "
         "select struct switch type var main lambda host kv web fault api topic key alarms data runtime release").split()

name = os.path.basename(os.getcwd())
if not re.fullmatch(r"[a-z]{2,20}", name):
    sys.exit(f"{name!r} is no name for a service: one noun of 2 to 20 lower-case letters, as postcode. Nothing was made.")
if name in TAKEN:
    sys.exit(f"{name} has another meaning in Go or in template.yaml: take another noun. Nothing was made.")
