import ArgumentParser
import Artifacts
import Dashboard
import Foundation
import Glibc
import Orchestration
import Store

/// Shows jobs and runs in a browser.
struct UI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ui",
        abstract: "Show jobs, runs, curves and figures in a browser, even without W&B.",
        discussion: """
            EXAMPLES
              orchestrator ui                     prints a link, and how to reach it from your own machine
              orchestrator ui 7 --open            job 7, in this machine's browser
              orchestrator ui k3j9                one run
              orchestrator ui --port 8123         the same port each time, for a permanent `ssh -L`
              orchestrator ui --socket ~/spd.sock   a Unix socket: ssh -L 8123:$HOME/spd.sock HOST
              orchestrator ui --prefix /node/n1/8123 --allow-host ondemand.example.org   behind a proxy

            It only reads, never changes or locks anything, and works alongside agents and on somebody else's cache. It listens on
            127.0.0.1; only people with the link have access. ^C ends it.
            """)

    @Argument(
        help: ArgumentHelp("A job's number, or a run's name or its beginning.", valueName: "job|run"),
        completion: CompletionWords.jobs)
    var name: String?

    @Option(help: ArgumentHelp("The port on 127.0.0.1; 0 picks a free one.", valueName: "n"))
    var port: UInt16 = 0

    @Flag(help: "Open the link in this machine's browser.")
    var open = false

    @Option(help: ArgumentHelp("Listen on a Unix socket (mode 0600) instead of a port.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("The path that all addresses start with, behind a proxy.", valueName: "path"))
    var prefix = ""

    @Option(
        help: ArgumentHelp("A host name that a proxy uses for this machine; repeatable.", valueName: "name"))
    var allowHost: [String] = []

    func validate() throws {
        if socket != nil, port != 0 { throw ValidationError("--socket and --port exclude each other") }
        if socket != nil, open {
            throw ValidationError("a browser cannot open a socket; leave out --open, or --socket")
        }
        if !prefix.isEmpty, !prefix.hasPrefix("/") { throw ValidationError("--prefix '\(prefix)': expected /a/path") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = try OpenStore.folder(environment)
        let start = try await failing { try self.start(in: Store.existing(cache, for: .watching), cache.path) }
        let site = try Site(cache: cache, environment: environment)
        defer { site.removeScratch() }
        let gate = Gate(prefix: prefix, hosts: allowHost)
        let routes = Routes(site)
        Self.allowManyConnections()
        Interruption.listen()
        let place = try socket.map { DashboardServer.Place.socket(try absolute($0)) } ?? .port(port)
        let server = try DashboardServer.start(at: place, gate: gate) { await routes.answer($0) }
        defer { if case .socket(let path) = place { unlink(path) } }
        try say(PageLink(gate: gate, port: server.port ?? Self.forwardedPort, start: start), server.port, place, site)
        if !routes.hasCharts {
            printError(
                """
                note: this build has no charts, since Debian's node-d3 was not installed when it was built. Tables, figures, maps, \
                logs and downloads work; for curves, parallel coordinates and coefficients install node-d3 and build again.
                """)
        }
        while !Interruption.isRequested { try await Task.sleep(for: .milliseconds(100)) }
        server.stop()
        try await server.wait()
    }

    /// What the link leads to: `/job/7`, `/run/k3j9abcd`, or the list of jobs.
    private func start(in store: Store?, _ cache: String) throws -> String {
        guard let name else { return "" }
        guard let store else { throw Failure.badInput("nothing was ever submitted to \(cache)") }
        switch Reference(name) {
        case .job(let job): return "/job/\(try store.job(job).id)"
        case .run(let beginning): return "/run/\(try store.run(startingWith: beginning))"
        case .agent(let job, let number):
            throw Failure.badInput(
                "'\(name)' is an agent; `orchestrator ui \(job)` shows its job, `logs \(job).\(number)` its log")
        }
    }

    private func absolute(_ path: String) throws -> String {
        URL(filePath: path).standardizedFileURL.path
    }

    /// The port at the near end of an `ssh -L` to a socket.
    private static let forwardedPort: UInt16 = 8123

    private func say(_ link: PageLink, _ port: UInt16?, _ place: DashboardServer.Place, _ site: Site) throws {
        let host = ThisMachine.hostName
        let user = NSUserName()
        switch place {
        case .port:
            let port = port.map(String.init) ?? ""
            print("\(link.text)\n\nFrom another machine: ssh -L \(port):127.0.0.1:\(port) \(user)@\(host)")
            print("and open the same link there.")
        case .socket(let path):
            print(
                "Listening on \(path). From another machine: ssh -L \(Self.forwardedPort):\(path) \(user)@\(host)")
            print("and open there:\n\n\(link.text)\n")
        }
        if let proxied = link.throughProxy(allowHost.first) {
            print("Through the proxy: \(proxied)")
            if allowHost.isEmpty {
                print("with its name for \(PageLink.unknownHost); where that is refused, start with --allow-host NAME.")
            }
        }
        print("^C ends it.")
        fflush(nil)
        if open { try Browser(environment: site.environment).open(link.text, through: site.scratchFile("open.html")) }
    }

    /// Each window has some connections; as many as the system lets this process have.
    private static func allowManyConnections() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// This machine's browser.
private struct Browser {
    let environment: [String: String]

    /// Opens a link by a file that only this user can read: other users see every process's arguments.
    func open(_ link: String, through file: String) throws {
        let program = ["xdg-open", "sensible-browser"].lazy.compactMap { Program.find($0, environment: environment) }
            .first
        let named = environment["BROWSER"].flatMap { $0.isEmpty || $0.contains(":") ? nil : $0 }
        guard
            let program = named.flatMap({ Program.find($0, environment: environment) ?? ($0.hasPrefix("/") ? $0 : nil) }
            ) ?? program
        else {
            printError(
                "no browser is known here (xdg-open is missing, BROWSER is not set): open the link above yourself")
            return
        }
        let page = "<meta http-equiv=\"refresh\" content=\"0; url=\(link)\">\n"
        try storing { () throws(FileError) in try DurableFile.write(page, to: file, mode: 0o600, flush: .nothing) }
        let started = Spawn.start([program, file], environment: environment) { files in
            for output in [Int32(1), 2] { posix_spawn_file_actions_addopen(&files, output, "/dev/null", O_WRONLY, 0) }
        }
        if case .failure(let reason) = started { printError("cannot start \(program): \(reason)") }
    }
}
