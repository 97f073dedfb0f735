"""What all tests share."""

import sys
from pathlib import Path

# helper modules beside the tests (importlib mode puts nothing on sys.path by itself)
sys.path.insert(0, str(Path(__file__).parent))
