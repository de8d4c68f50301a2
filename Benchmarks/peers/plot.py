"""Line plots as SVG, without any library: logarithmic x, linear y, one line a series."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 340, 64, 150, 36, 44
COLOURS = ["#1a7f64", "#b3541e", "#3b5bdb", "#8a3ffc"]


def nice_step(span):
    raw = span / 5
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


def spelt(value):
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def line_plot(title, x_label, y_label, lines):
    """`lines` is a list of (name, [(x, y), …]); returns the text of an SVG file."""
    xs = sorted({x for _, points in lines for x, _ in points})
    top = max(y for _, points in lines for _, y in points) or 1
    step = nice_step(top)
    top = math.ceil(top / step) * step
    low, high = math.log10(xs[0]), math.log10(xs[-1])

    def place(x, y):
        across = (math.log10(x) - low) / ((high - low) or 1)
        return (LEFT + across * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">{escaped(title)}</text>']
    for index in range(round(top / step) + 1):
        y = place(xs[0], index * step)[1]
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{spelt(index * step)}</text>')
    for x in xs:
        at = place(x, 0)[0]
        out.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{spelt(x)}</text>')
    out.append(f'<text x="{LEFT}" y="{HEIGHT - 8}">{escaped(x_label)} → · {escaped(y_label)} ↑</text>')
    for (name, points), colour in zip(lines, COLOURS):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in points:
            x, y = place(*point)
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        x, y = place(*points[-1])
        out.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escaped(name)}</text>')
    return "\n".join(out + ["</svg>", ""])
