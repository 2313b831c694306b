extension Plot {
    func sheet(room: Double, hasAreas: Bool) -> Sheet {
        let (across, up) = (x.spanning(values(isVertical: false)), y.spanning(values(isVertical: true)))
        let left = hidesAxes ? 4 : leftRoom(up)
        let width = max(room - left - 8, 40)
        // If its axes need not share a scale, a chart is as high as the label next to it is long.
        let least = hidesAxes || aspect >= 1 ? 0 : yLabel.width
        let area = Box(x: left, y: 18, width: width, height: max(width * aspect, least))
        var sheet = Sheet(width: area.right + 8, height: area.bottom + 4)
        sheet.write(Label(text: title, size: TextSize.title, anchor: .start), 2, 8)
        sheet.width = max(sheet.width, Label(text: title, size: TextSize.title).width + 4)
        let frame = PlotFrame(area: area, x: across, y: up)
        for layer in layers { draw(layer, frame, on: &sheet) }
        if hasAreas { sheet.areas = hidesAxes ? lineAreas(frame) : hoverAreas(frame) }
        if !hidesAxes { drawAxes(frame, on: &sheet) }
        drawLegend(frame, on: &sheet)
        for line in Label(text: note, anchor: .start).wrapped(to: sheet.width) {
            sheet.write(line, 2, sheet.height + 6)
            sheet.height += 12
        }
        return sheet
    }

    private var yLabel: Label { Label(text: y.label, size: TextSize.label, isUpright: true) }

    private func leftRoom(_ span: AxisSpan) -> Double {
        16 + (span.ticks(limit: 6).map { Label(text: $0.label).width }.max() ?? 0) + 5
    }

    private func drawAxes(_ frame: PlotFrame, on sheet: inout Sheet) {
        let area = frame.area
        sheet.frame(area)
        for tick in xTicks(frame) {
            let place = frame.left(tick.value)
            sheet.line(place, area.bottom, place, area.bottom + 2.5)
            sheet.write(Label(text: tick.label), place, area.bottom + 9)
        }
        for tick in frame.y.ticks(limit: max(Int(area.height / 18), 2)) {
            let place = frame.top(tick.value)
            sheet.line(area.x - 2.5, place, area.x, place)
            sheet.write(Label(text: tick.label, anchor: .end), area.x - 4, place)
        }
        sheet.write(Label(text: x.label, size: TextSize.label), area.middle.x, area.bottom + 20)
        sheet.write(yLabel, 7, area.middle.y)
        sheet.height = area.bottom + 28
    }

    /// As many labels as there is room for; in a narrow chart three, where they are short.
    private func xTicks(_ frame: PlotFrame) -> [(value: Double, label: String)] {
        let limit = Int(frame.area.width / 34)
        let three = frame.x.ticks(limit: 3)
        let width = three.reduce(0) { $0 + Label(text: $1.label).width + 6 }
        return limit < 3 && width <= frame.area.width ? three : frame.x.ticks(limit: max(limit, 2))
    }

    private func draw(_ layer: Layer, _ frame: PlotFrame, on sheet: inout Sheet) {
        switch layer {
        case .bars(let edges, let heights, let base, let style, _):
            for (index, height) in heights.enumerated() where index + 1 < edges.count && height.isFinite {
                let (low, high) = (min(base, height), max(base, height))
                guard high > low, frame.top(high) < frame.top(low) else { continue }
                let (x0, x1) = (frame.left(edges[index]), frame.left(edges[index + 1]))
                let (y0, y1) = (frame.top(low), frame.top(high))
                sheet.marks.append(
                    .rectangle(
                        Box(x: min(x0, x1), y: y1, width: abs(x1 - x0), height: max(y0 - y1, 0)), fill: style.color,
                        opacity: style.opacity))
            }
        case .line(let x, let y, let style, _):
            for stretch in frame.stretches(x, y) where !stretch.isEmpty {
                // A value without neighbours, such as an early failure's, is not a line, but must be drawn.
                sheet.marks.append(
                    stretch.count > 1
                        ? .line(stretch, Stroke(style))
                        : .dot(
                            stretch[0], radius: max(1.4, style.width), style.marker, fill: style.color,
                            opacity: style.opacity))
            }
        case .band(let x, let low, let high, let style, _):
            sheet.marks += frame.bands(x, low, high).map {
                .area($0, fill: style.color, opacity: style.opacity)
            }
        case .points(let x, let y, let style, _):
            for (x, y) in zip(x, y) where frame.x.holds(x) && frame.y.holds(y) {
                sheet.marks.append(
                    .dot(
                        frame.place(x, y), radius: style.radius, style.marker, fill: style.color,
                        opacity: style.opacity))
            }
        case .rule(let isVertical, let value, let style, _):
            guard (isVertical ? frame.x : frame.y).holds(value) else { return }
            let area = frame.area
            if isVertical {
                sheet.line(frame.left(value), area.y, frame.left(value), area.bottom, Stroke(style))
            } else {
                sheet.line(area.x, frame.top(value), area.right, frame.top(value), Stroke(style))
            }
        case .words(let words): write(words, frame, on: &sheet)
        }
    }

    /// Writes words at their places, or as little above as no word covers another: they keep their order.
    private func write(_ words: [Word], _ frame: PlotFrame, on sheet: inout Sheet) {
        var taken: [Box] = []
        let shown = words.filter { frame.x.holds($0.x) && frame.y.holds($0.y) }
        for (_, word) in shown.enumerated().sorted(by: { ($0.element.y, $0.offset) < ($1.element.y, $1.offset) }) {
            let label = Label(text: word.text, color: word.color)
            let place = frame.place(word.x, word.y)
            var box = Box(
                x: place.x - label.width / 2, y: place.y - label.size / 2, width: label.width, height: label.size)
            while let other = taken.first(where: { $0.overlaps(box) }), other.y - box.height >= frame.area.y {
                box.y = other.y - box.height
            }
            taken.append(box)
            sheet.write(label, box.middle.x, box.middle.y)
        }
    }

    /// Names the layers that have one, below the chart; a name that is wider than it continues below.
    private func drawLegend(_ frame: PlotFrame, on sheet: inout Sheet) {
        var (x, isFirst) = (frame.area.x, true)
        let width = max(sheet.width, frame.area.right)
        for layer in layers {
            let (name, style, isLine): (String, Style, Bool)
            switch layer {
            case .bars(_, _, _, let its, let called): (name, style, isLine) = (called, its, false)
            case .points(_, _, let its, let called): (name, style, isLine) = (called, its, false)
            case .line(_, _, let its, let called): (name, style, isLine) = (called, its, true)
            case .rule(_, _, let its, let called): (name, style, isLine) = (called, its, true)
            case .band, .words: continue
            }
            let lines = Label(text: name, anchor: .start).wrapped(to: width - frame.area.x - 18)
            guard let label = lines.first else { continue }
            if isFirst || lines.count > 1 || x + 20 + label.width > width {
                (x, isFirst) = (frame.area.x, false)
                sheet.height += 12
            }
            let y = sheet.height - 4
            if isLine {
                sheet.line(x, y, x + 14, y, Stroke(style))
            } else {
                sheet.marks.append(
                    .dot(Point(x: x + 7, y: y), radius: 3, style.marker, fill: style.color, opacity: 1))
            }
            sheet.write(label, x + 18, y)
            x += 18 + label.width + 12
            for line in lines.dropFirst() {
                sheet.height += 10
                sheet.write(line, frame.area.x + 18, sheet.height - 4)
                // Nothing stands next to a name of several lines.
                x = width
            }
        }
        if !isFirst { sheet.height += 4 }
    }
}

/// Where a chart's values stand on its sheet.
struct PlotFrame {
    let area: Box
    let x: AxisSpan
    let y: AxisSpan

    /// Values beyond the range stand at its end.
    func left(_ value: Double) -> Double { area.x + min(max(x.share(value), 0), 1) * area.width }

    func top(_ value: Double) -> Double { area.bottom - min(max(y.share(value), 0), 1) * area.height }

    func place(_ x: Double, _ y: Double) -> Point { Point(x: left(x), y: top(y)) }

    /// The outlines of what is between two lines, in pieces where one cannot be shown at all; the axis's end cuts them.
    func bands(_ xs: [Double], _ lows: [Double], _ highs: [Double]) -> [[Point]] {
        var pieces: [(upper: [Point], lower: [Point])] = [([], [])]
        for (x, (low, high)) in zip(xs, zip(lows, highs)) {
            let isShown = self.x.holds(x) && low.isFinite && high.isFinite && y.share(high) > 0 && y.share(low) < 1
            if isShown {
                pieces[pieces.count - 1].upper.append(place(x, high))
                pieces[pieces.count - 1].lower.append(place(x, low))
            } else if pieces.last?.upper.isEmpty == false {
                pieces.append(([], []))
            }
        }
        return pieces.filter { $0.upper.count > 1 }.map { $0.upper + $0.lower.reversed() }
    }

    /// A line's points, in pieces where one cannot be shown.
    func stretches(_ xs: [Double], _ ys: [Double]) -> [[Point]] {
        var pieces: [[Point]] = [[]]
        for (x, y) in zip(xs, ys) {
            if self.x.holds(x), self.y.holds(y) {
                pieces[pieces.count - 1].append(place(x, y))
            } else if pieces.last?.isEmpty == false {
                pieces.append([])
            }
        }
        return pieces
    }
}
