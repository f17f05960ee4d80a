"""The contrast between two colours of an element, as WCAG 2 defines it."""

from playwright.sync_api import Locator

# Draws the colours over each other, because computed styles have them in any notation and with any opacity. The colour
# behind the element is the background of the nearest ancestor that has one.
_CONTRAST = """(node, [of, against, ground]) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const behind = (of) => {
    const all = [];
    for (let at = of; at; at = at.parentElement) all.unshift(getComputedStyle(at).backgroundColor);
    return all;
  };
  const luminance = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of ["white", ...colours]) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const under = behind(ground ? node.closest(ground) : node);
  const style = getComputedStyle(node);
  const [high, low] = [luminance([...under, style[of]]), luminance(against ? [...under, style[against]] : under)]
    .sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}"""


def contrast(node: Locator, of: str, *, against: str = "", ground: str = "") -> float:
    """Return the contrast of the property `of`, such as "color", with another one or with what is behind the element.

    `ground` is a selector of the ancestor whose background counts, by default the element itself.
    """
    ratio: float = node.evaluate(_CONTRAST, [of, against, ground])
    return ratio
