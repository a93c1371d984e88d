"""Compiled parts of the search for a vertex: which way to go, and how far."""

import math

from sparsestat._jit import REASSOCIATE, kernel, register_jitable

__all__ = ["FREE", "NOTHING", "TIED", "advance", "choose"]

NOTHING, TIED, FREE = 0, 1, 2
# So many coordinates are compared by their slope on the way, the others at the start.
COMPARED = 6
# What moves less than this, relative to the largest movement, is taken to stand still.
STILL = 1e-9


@register_jitable(fastmath=REASSOCIATE)
def add_squares(right, columns, f, k, top, sizes, best, lengths):
    """Add the squares of how free coordinates move with others, where that can matter."""
    for a in range(f):
        for place in range(len(top)):
            if sizes[place] <= best:  # they are in order, and movements lower the score
                break
            moved = 0.0
            for b in range(k):
                moved += right[a, b] * columns[top[place], b]
            lengths[place] += moved * moved


@kernel(fastmath=REASSOCIATE)
def choose(
    right, columns, free, tied, is_free, theta, side, gradient, slope, tilt, bend,
    lower, upper, low, high, tol, share, multipliers,
):  # fmt: skip
    """Fill in the multipliers; return what to release: kind, position, sign, slope.

    Tied samples are released whose multiplier is beyond its range by a `share` of it, and
    resting coordinates whose pull is beyond what holds them by more than `tol`. Of all that
    could be, the steepest is chosen: by the slope of the objective over the length of the
    movement of the coordinates.
    """
    f, k = free.size, tied.size
    squares = multipliers * 0.0
    for b in range(k):
        multipliers[b] = 0.0
    for a in range(f):
        j = free[a]
        rest = gradient[j] - tilt[j] - bend[j] * theta[j] - side[j] * slope[j]
        for b in range(k):
            multipliers[b] -= rest * right[a, b]
            squares[b] += right[a, b] * right[a, b]
    kind, what, sign, steepest, best = NOTHING, -1, 0.0, 0.0, 0.0
    for b in range(k):
        i = tied[b]
        excess = max(multipliers[b] - high[i], low[i] - multipliers[b])
        if excess > share * (high[i] - low[i]) and excess > best * math.sqrt(squares[b]):
            best = excess / math.sqrt(squares[b])
            kind, what, steepest = TIED, b, excess
            sign = 1.0 if multipliers[b] > high[i] else -1.0
    top, signs, sizes = [-1] * COMPARED, [0.0] * COMPARED, [0.0] * COMPARED
    for j in range(theta.size):
        if is_free[j]:
            continue
        pull = gradient[j] - tilt[j] - bend[j] * theta[j] - side[j] * slope[j]
        for b in range(k):
            pull += columns[j, b] * multipliers[b]
        if (theta[j] >= upper[j]) if pull > 0.0 else (theta[j] <= lower[j]):
            continue
        excess = abs(pull) - (slope[j] if theta[j] == 0.0 else 0.0)
        if excess > tol[j] and excess > sizes[COMPARED - 1]:
            place = COMPARED - 1
            while place > 0 and sizes[place - 1] < excess:
                sizes[place], top[place] = sizes[place - 1], top[place - 1]
                signs[place] = signs[place - 1]
                place -= 1
            sizes[place], top[place] = excess, j
            signs[place] = 1.0 if pull > 0.0 else -1.0
    lengths = [1.0] * COMPARED
    add_squares(right, columns, f, k, top, sizes, best, lengths)
    for place in range(COMPARED):
        score = sizes[place] / math.sqrt(lengths[place])
        if sizes[place] > best and score > best:
            best = score
            kind, what, sign, steepest = FREE, top[place], signs[place], sizes[place]
    return kind, what, sign, steepest


@kernel()
def advance(
    r, along, side, low, high, theta, moving, d, theta_side, is_free, slope, lower, upper,
    start, bend, ratios, jumps, items,
):  # fmt: skip
    """Go along a direction to where the objective is least, past kinks if need be.

    Along it residuals fall by `along` and the `moving` coordinates change by `d`; the
    derivative is `start` < 0 at first and grows by `bend` times the step. Returns how far
    predictors move at most, infinity if there is no least; which sample ties, or -1; the
    position among those moving of the coordinate that comes to rest, or -1; and how many
    samples change their slope: these are the first `items`, by the first `jumps`, the one
    that ties last.
    """
    n, m = r.size, theta.size
    count = list_kinks(
        r, along, side, low, high, theta, moving, d, theta_side, slope, lower, upper,
        ratios, jumps, items,
    )  # fmt: skip
    step, hit, passed = select(ratios, jumps, items, count, start, bend)
    if step == math.inf:
        return step, -1, -1, 0
    largest = 0.0
    for i in range(n):
        r[i] -= step * along[i]
        largest = max(largest, abs(along[i]))
    for a in range(moving.size):
        theta[moving[a]] += step * d[a]
    count, tie, rest = 0, -1, -1
    for c in range(passed):
        item = items[c]
        if item >= n:
            theta_side[item - n] *= -1.0
            continue
        jumps[count], items[count] = side[item] * (low[item] - high[item]), item
        side[item] *= -1.0
        count += 1
    if 0 <= hit < n:
        tie = hit
        jumps[count], items[count] = -high[hit] if side[hit] > 0.0 else -low[hit], hit
        r[hit] = side[hit] = 0.0
        count += 1
    elif hit >= n:
        j = (hit - n) % m
        for a in range(moving.size):
            if moving[a] == j:
                rest = a
        end = 0.0
        if hit >= n + m:
            end = upper[j] if d[rest] > 0.0 else lower[j]
        theta[j], is_free[j] = end, False
        theta_side[j] = 0.0 if end == 0.0 else math.copysign(1.0, end)
    return step * largest, tie, rest, count


@register_jitable
def list_kinks(
    r, along, side, low, high, theta, moving, d, theta_side, slope, lower, upper,
    ratios, jumps, items,
):  # fmt: skip
    """List where the derivative jumps, by how much, and why; return how often.

    It does where a residual vanishes (item i), a coefficient does (n + j) or reaches a
    bound (n + m + j).
    """
    n, m, count = r.size, theta.size, 0
    still = 0.0
    for i in range(n):
        still = max(still, abs(along[i]))
    still *= STILL
    for i in range(n):
        speed = side[i] * along[i]
        if speed > still:
            ratios[count] = max(side[i] * r[i], 0.0) / speed
            jumps[count] = (high[i] - low[i]) * speed
            items[count] = i
            count += 1
    still = 0.0
    for a in range(moving.size):
        still = max(still, abs(d[a]))
    still *= STILL
    for a in range(moving.size):
        j, speed = moving[a], abs(d[a])
        if speed <= still:
            continue
        bound = upper[j] if d[a] > 0.0 else lower[j]
        if theta_side[j] * d[a] < 0.0 and bound != 0.0 and slope[j] > 0.0:
            ratios[count] = abs(theta[j]) / speed
            jumps[count] = 2.0 * slope[j] * speed
            items[count] = n + j
            count += 1
        if math.isfinite(bound):
            ratios[count] = max((bound - theta[j]) / d[a], 0.0)
            jumps[count] = math.inf
            items[count] = n + m + j
            count += 1
    return count


@register_jitable
def select(ratios, jumps, items, count, start, bend):
    """Return the step to the least, the item that stops it, how many items pass.

    A weighted selection: the first item at which the derivative is no longer negative. The
    items passed come first; -1 stands for none that stops.
    """
    first, end, passed = 0, count, start
    while first < end:
        pivot = ratios[(first + end) // 2]
        less, equal, below, at = first, first, 0.0, 0.0
        for c in range(first, end):
            if ratios[c] <= pivot:
                ratio, jump, item = ratios[c], jumps[c], items[c]
                ratios[c], jumps[c], items[c] = ratios[equal], jumps[equal], items[equal]
                ratios[equal], jumps[equal], items[equal] = ratio, jump, item
                if ratio < pivot:
                    ratios[equal], jumps[equal], items[equal] = (
                        ratios[less],
                        jumps[less],
                        items[less],
                    )
                    ratios[less], jumps[less], items[less] = ratio, jump, item
                    less += 1
                    below += jump
                else:
                    at += jump
                equal += 1
        before = passed + below + bend * pivot
        if before >= 0.0:
            end = less
        elif before + at < 0.0:
            first, passed = equal, passed + below + at
        else:
            # Of those that vanish together the fastest stops, and as few as need be pass.
            stop = less
            for c in range(less, equal):
                if jumps[c] > jumps[stop]:
                    stop = c
            ratios[stop], jumps[stop], items[stop], ratios[less], jumps[less], items[less] = (
                ratios[less], jumps[less], items[less], ratios[stop], jumps[stop], items[stop],
            )  # fmt: skip
            hit, before, passing = items[less], before + jumps[less], less
            for c in range(less + 1, equal):
                if before >= 0.0:
                    break
                before += jumps[c]
                items[passing] = items[c]
                passing += 1
            return pivot, hit, passing
    if bend > 0.0:
        return -passed / bend, -1, first  # the least lies between two items
    if end == count:
        return math.inf, -1, first
    # The derivative vanishes but for rounding: the last item stops.
    stop = 0
    for c in range(first):
        if ratios[c] > ratios[stop]:
            stop = c
    hit = items[stop]
    items[stop] = items[first - 1]
    return ratios[stop], hit, first - 1
