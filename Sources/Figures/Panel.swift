/// One drawing of a figure.
protocol Panel: Sendable {
    var size: PanelSize { get }
    /// Draws the panel with its upper left corner there.
    func draw(on canvas: Canvas, x: Int, y: Int)
}

/// A panel's size in pixels, axes and titles included.
struct PanelSize: Equatable {
    let width: Int
    let height: Int
}

/// The room around a panel's area for its axes and titles.
struct Margins {
    let left: Int
    let top: Int
    let right: Int
    let bottom: Int

    func around(width: Int, height: Int) -> PanelSize {
        PanelSize(width: left + width + right, height: top + height + bottom)
    }
}

/// Font sizes in pixels.
enum TextSize {
    static let heading = 22.0
    static let title = 20.0
    static let label = 18.0
    static let tick = 17.0
}

extension Panel {
    func drawTitle(_ title: String, over area: Area, on canvas: Canvas) {
        canvas.text(title, x: Double(area.x), y: Double(area.y) - 18, size: TextSize.title, .left)
    }

    /// Says what the axes are: below the area, and along the panel's left edge.
    func drawLabels(columns: String, rows: String, _ area: Area, left: Int, on canvas: Canvas) {
        canvas.text(
            columns, x: Double(area.x) + Double(area.width) / 2, y: Double(area.y + area.height) + 46,
            size: TextSize.label)
        canvas.text(
            rows, x: Double(left) + 14, y: Double(area.y) + Double(area.height) / 2, size: TextSize.label,
            upwards: true)
    }
}
