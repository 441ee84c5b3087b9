"""What an episode's id may be; it becomes a folder's name, and a policy's manifest lists it."""

import re

EPISODE_ID = re.compile('[0-7][0-9A-HJKMNP-TV-Z]{25}')  # a ULID
