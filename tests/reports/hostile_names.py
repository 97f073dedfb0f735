"""Names as a trace may hold them: each breaks another careless way of writing a page."""

SCRIPT_NAME = "</script><img src=x onerror=alert(1)>"
LINK_NAME = '<b>bold</b><a href="https://evil.example/">link</a>&lt;i&gt;%{x}'
LONG_NAME = "k" * 1_000_000
