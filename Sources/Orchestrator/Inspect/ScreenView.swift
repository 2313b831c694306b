import Glibc
import Orchestration

/// A job's state over the whole terminal: scrolls, sorts, follows the window's size.
final class ScreenView: WatchView {
    private let style: TerminalStyle
    private var screen = WatchScreen()
    private var text: StatusText?
    private var size = Terminal.size
    private var before = termios()
    private var isOn = false

    /// Takes over the terminal; nil if keys cannot be read, or the terminal cannot be redrawn.
    init?(style: TerminalStyle, environment: [String: String]) {
        self.style = style
        guard Terminal.isStandardOutput, isatty(0) == 1, !["", "dumb"].contains(environment["TERM"] ?? ""),
            tcgetattr(0, &before) == 0
        else { return nil }
    }

    func show(_ text: StatusText) throws(Failure) {
        self.text = text
        if !isOn { begin() }
        try draw()
    }

    private func begin() {
        var quiet = before
        quiet.c_lflag &= ~tcflag_t(ICANON | ECHO)
        // A stopped program would leave the terminal as it is now.
        withUnsafeMutableBytes(of: &quiet.c_cc) { keys in
            keys[Int(VSUSP)] = 0
            keys[Int(VMIN)] = 0
            keys[Int(VTIME)] = 0
        }
        tcsetattr(0, TCSANOW, &quiet)
        // Another screen, without a cursor: what was there before comes back at the end.
        write("\u{1B}[?1049h\u{1B}[?25l")
        isOn = true
    }

    private func draw() throws(Failure) {
        guard let text else { return }
        size = Terminal.size
        let lines = try screen.lines(text, rows: size.rows, columns: size.columns)
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Does what was pressed since; false if somebody wants to leave.
    func goesOn() throws(Failure) -> Bool {
        guard isOn else { return true }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(0, &bytes, bytes.count)
        let keys = WatchScreen.keys(in: Array(bytes.prefix(max(0, count))))
        if keys.contains(.quit) { return false }
        for key in keys { screen.take(key) }
        if !keys.isEmpty || Terminal.size != size { try draw() }
        return true
    }

    func clear() {
        guard isOn else { return }
        isOn = false
        write("\u{1B}[?25h\u{1B}[?1049l")
        tcsetattr(0, TCSANOW, &before)
    }

    private func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}
