// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

// Where the time of tests goes: without optimisation texts, tokens, files and figures take ten times as long.
let fast: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

// Compute nodes may lack OpenBLAS, so releases carry it inside the binary (`make install` sets this).
let openBLAS: LinkerSetting =
    Context.environment["STATIC_OPENBLAS"] == nil
    ? .linkedLibrary("openblas") : .unsafeFlags(["-Xlinker", "-l:libopenblas.a"])

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "spd",
    products: [
        .executable(name: "orchestrator", targets: ["Orchestrator"]),
        .executable(name: "worker", targets: ["Worker"]),
        .library(name: "Kernels", targets: ["Kernels"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.0", traits: []),
    ],
    targets: [
        // Commands: parse, call, print.
        .executableTarget(
            name: "Orchestrator",
            dependencies: [
                "Artifacts", "Dashboard", "Experiments", "JSON", "Jobs", "Layout", "Metrics", "Orchestration", "Slurm",
                "Store", "Version", "WandB", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Worker",
            dependencies: [
                "Artifacts", "Downloads", "Experiments", "Figures", "HTTP", "Hub", "JSON", "Jobs", "Kernels", "Layout",
                "Metrics", "CObserver", "Runs", "Search", "Slurm", "Store", "TextData", "Tokenizers", "Version",
                "WandB", argumentParser,
            ],
            swiftSettings: strict),

        // What the orchestrator's commands do: submission, agents, recovery, verdicts, reports as values.
        .target(
            name: "Orchestration",
            dependencies: [
                "Artifacts", "CLinux", "Downloads", "Experiments", "JSON", "Jobs", "Layout", "Metrics", "Queries",
                "Slurm", "Store", "Targets", "Version", "WandB",
            ],
            resources: [.embedInCode("Submit/Observers/Python")],
            swiftSettings: strict),

        // The page of `orchestrator ui` and the server behind it; the page's files are inside the program.
        .target(
            name: "Dashboard",
            dependencies: [
                "Artifacts", "CDashboard", "CLinux", "JSON", "Jobs", "Layout", "Metrics", "Orchestration", "Slurm",
                "Store", "Version",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Resources"],
            swiftSettings: strict),
        .target(name: "CDashboard", path: "Sources/System/CDashboard"),

        // What commands and agents both know of a job: who is at work on it, and what is left when it ends.
        .target(
            name: "Jobs", dependencies: ["Artifacts", "JSON", "Layout", "Metrics", "Slurm", "Store"],
            swiftSettings: strict),

        // One spec from its config to its files: target, training loop, metrics, checkpoints, tracking.
        .target(
            name: "Runs",
            dependencies: [
                "Analysis", "Artifacts", "CLinux", "Downloads", "Experiments", "Figures", "Hub", "JSON", "Kernels",
                "LanguageData", "Layout", "Metrics", "Targets", "TextData", "Tokenizers", "UserMetrics", "WandB",
            ],
            resources: [.embedInCode("Page/page.js"), .embedInCode("Page/page.css")],
            swiftSettings: strict),

        // Where a target's weights come from, and whether they are what their config says.
        .target(name: "Targets", dependencies: ["Artifacts", "Experiments"], swiftSettings: strict),

        // Targets that were trained on W&B, brought into the cache.
        .target(
            name: "Downloads", dependencies: ["Artifacts", "Experiments", "Layout", "WandB"], swiftSettings: strict),

        // Where everything below SPD_CACHE_DIR lies, and what crashes may leave there.
        .target(name: "Layout", dependencies: ["Artifacts"], swiftSettings: strict),

        // Every number that runs log: its key, its meaning, its charts.
        .target(name: "Metrics", dependencies: ["Artifacts", "CLinux", "JSON"], swiftSettings: strict),

        // Libraries, each the only one that imports its dependency.
        .target(
            name: "Kernels", dependencies: ["CKernels", "COpenBLAS", "Metrics"], swiftSettings: fast,
            linkerSettings: [openBLAS]),
        .target(
            name: "Experiments",
            dependencies: ["Metrics", "Search", "UserMetrics", .product(name: "Yams", package: "Yams")],
            resources: [.embedInCode("Published")],
            swiftSettings: strict),
        .target(name: "Artifacts", dependencies: ["CLinux"], swiftSettings: fast),
        .target(
            name: "Store",
            dependencies: ["Artifacts", "CLinux", "Layout", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "Slurm", dependencies: [.product(name: "Subprocess", package: "swift-subprocess")],
            swiftSettings: strict),
        // Numbers about decompositions: what figures, tables and comparisons show.
        .target(name: "Analysis", dependencies: ["Kernels"], swiftSettings: strict),
        .target(name: "JSON", swiftSettings: fast),
        // The conditions, orders and groups that --where, --sort and --group-by take; pure.
        .target(name: "Queries", dependencies: ["Experiments"], swiftSettings: strict),
        // Users' own metrics: expressions over a step's tensors, read, checked by their shapes and computed.
        .target(name: "UserMetrics", swiftSettings: strict),
        // Searches that learn from results, and which runs are stopped early; pure, the same bits on every machine.
        // Hundreds of fits of a Gaussian process: without optimisation its tests take a quarter of an hour.
        .target(name: "Search", swiftSettings: fast),
        .target(name: "Tokenizers", dependencies: ["JSON"], swiftSettings: fast),
        .target(name: "HTTP", dependencies: ["Artifacts", "CCurl"], swiftSettings: strict),
        .target(name: "WandB", dependencies: ["Artifacts", "CLinux", "HTTP", "JSON"], swiftSettings: strict),
        .target(name: "Hub", dependencies: ["Artifacts", "HTTP", "JSON", "Layout", "TextData"], swiftSettings: strict),
        .target(
            name: "LanguageData",
            dependencies: ["Artifacts", "JSON", "Layout", "TextData", "Tokenizers"],
            swiftSettings: fast),
        .target(name: "TextData", dependencies: ["Artifacts", "CCompression", "JSON"], swiftSettings: fast),
        .target(name: "Figures", dependencies: ["CCairo", "CPNG"], swiftSettings: fast),

        // The programs' version, and the commit they were built from.
        .target(name: "Version", dependencies: ["CBuild"], swiftSettings: strict),
        .target(
            name: "CBuild", path: "Sources/System/CBuild",
            cSettings: Context.environment["SPD_COMMIT"].map { [.define("SPD_COMMIT", to: "\"\($0)\"")] } ?? []),

        // C: hot loops compiled per instruction set, and the system libraries' headers.
        .target(
            name: "CKernels", path: "Sources/System/CKernels",
            cSettings: [.headerSearchPath("."), .unsafeFlags(["-O3", "-fno-math-errno"])],
            linkerSettings: [.linkedLibrary("m")]),
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/System/COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CCompression", path: "Sources/System/CCompression",
            providers: [.apt(["liblz4-dev", "libzstd-dev", "zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", path: "Sources/System/CPNG", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CLinux", path: "Sources/System/CLinux"),
        .target(name: "CObserver", path: "Sources/System/CObserver"),
        .target(name: "CCurl", path: "Sources/System/CCurl"),
        .target(name: "CCairo", path: "Sources/System/CCairo"),

        // For tests: the checkout with what they compare with, and folders of their own.
        .target(name: "TestFiles", path: "Tests/TestFiles", swiftSettings: strict),
        .testTarget(
            name: "KernelsTests", dependencies: ["CKernels", "Kernels", "Metrics", "TestFiles"],
            swiftSettings: strict),
        .testTarget(name: "AnalysisTests", dependencies: ["Analysis", "Kernels"], swiftSettings: strict),
        .testTarget(
            name: "MetricsTests", dependencies: ["Experiments", "Metrics", "TestFiles"], swiftSettings: strict),
        .testTarget(
            name: "ExperimentsTests", dependencies: ["Experiments", "Search", "TestFiles", "UserMetrics"],
            swiftSettings: strict),
        .testTarget(name: "ArtifactsTests", dependencies: ["Artifacts", "TestFiles"], swiftSettings: strict),
        .testTarget(name: "LayoutTests", dependencies: ["Artifacts", "Layout", "TestFiles"], swiftSettings: strict),
        .testTarget(
            name: "StoreTests",
            dependencies: ["Artifacts", "Store", "TestFiles", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(
            name: "SlurmTests", dependencies: ["Slurm", "TestFiles"], exclude: ["Snapshots"], swiftSettings: strict),
        .testTarget(
            name: "LanguageDataTests", dependencies: ["Artifacts", "LanguageData", "TextData", "Tokenizers"],
            swiftSettings: strict),
        .testTarget(
            name: "TextDataTests", dependencies: ["JSON", "TestFiles", "TextData"], swiftSettings: strict),
        .testTarget(
            name: "DashboardTests",
            dependencies: [
                "Browser", "Dashboard", "JSON", "Layout", "Orchestration", "Store", "TestFiles",
            ],
            swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
        .testTarget(name: "QueriesTests", dependencies: ["Queries"], swiftSettings: strict),
        .testTarget(
            name: "SearchTests", dependencies: ["Experiments", "Search", "Store", "Worker"], swiftSettings: strict),
        .testTarget(name: "UserMetricsTests", dependencies: ["UserMetrics"], swiftSettings: strict),
        .testTarget(name: "TokenizersTests", dependencies: ["JSON", "TestFiles", "Tokenizers"], swiftSettings: strict),
        .testTarget(
            name: "HubTests", dependencies: ["Artifacts", "Hub", "StandInWandB", "TextData"], swiftSettings: strict),
        .testTarget(
            name: "WandBTests",
            dependencies: ["Artifacts", "CCurl", "HTTP", "JSON", "StandInWandB", "TestFiles", "WandB"],
            swiftSettings: strict),
        .testTarget(
            name: "DownloadsTests",
            dependencies: ["Artifacts", "Downloads", "Experiments", "StandInWandB", "TestFiles", "WandB"],
            swiftSettings: strict),
        .testTarget(
            name: "TargetsTests", dependencies: ["Artifacts", "Experiments", "Targets"], swiftSettings: strict),
        .testTarget(name: "FiguresTests", dependencies: ["CCairo", "Figures"], swiftSettings: strict),
        .testTarget(
            name: "RunsTests",
            dependencies: [
                "Analysis", "Artifacts", "Browser", "Downloads", "Experiments", "Figures", "JSON", "Kernels", "Layout",
                "Metrics", "Runs", "Targets", "TestFiles", "WandB", "Worker",
            ],
            swiftSettings: strict),
        // A W&B server for tests, strict about the protocol, and a hub for models and data sets, with faults on demand.
        .target(
            name: "StandInWandB",
            dependencies: [
                "Artifacts", "JSON", "WandB", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Tests/StandInWandB", swiftSettings: strict),
        // Chromium for tests, over its DevTools pipe: pages are opened as users would.
        .target(name: "Browser", dependencies: ["JSON"], path: "Tests/Browser", swiftSettings: strict),
        .testTarget(name: "BrowserTests", dependencies: ["Browser", "JSON"], swiftSettings: strict),
        // An agent for tests: claims and reports like the worker, trains nothing.
        .executableTarget(
            name: "StandInWorker", dependencies: ["JSON", "Store", "WandB"], path: "Tests/StandInWorker",
            swiftSettings: strict),
        .testTarget(
            name: "OrchestratorTests",
            dependencies: [
                "Artifacts", "Experiments", "JSON", "Jobs", "Layout", "Metrics", "Orchestration",
                "Orchestrator", "Slurm", "StandInWandB", "StandInWorker", "Store", "TestFiles", "WandB",
                "Worker",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            exclude: ["Snapshots"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
