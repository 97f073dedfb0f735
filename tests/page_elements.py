"""What tests look at of a page: its tags and its text."""

from html.parser import HTMLParser


class Elements(HTMLParser):
    """Every start tag of a page with its attributes, and all text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self._quiet = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._quiet = tag in {"script", "style"}

    def handle_endtag(self, tag):
        self._quiet = False

    def handle_data(self, data):
        if not self._quiet:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())
