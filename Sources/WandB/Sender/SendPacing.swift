import HTTP

/// How often and how patiently a run's rows are sent.
public struct SendPacing: Sendable, Equatable {
    /// The least time between two requests of a run that still trains.
    public var interval: Duration = .seconds(15)
    /// Silence after which an empty request shows that the run is alive.
    public var heartbeat: Duration = .seconds(30)
    /// How often the folder is looked at when there was nothing to send.
    public var poll: Duration = .seconds(2)
    /// The first wait after a failure; it doubles with each further one.
    public var firstRetry: Duration = .seconds(2)
    /// The longest wait after a failure.
    public var longestRetry: Duration = .seconds(60)
    /// The wait after the server refused a request (401, 403, 404, 409…) several times.
    public var refusedPause: Duration = .seconds(60)
    /// The size at which a request is split.
    public var maximumBatchBytes = 10 << 20
    /// How long a connection may take.
    public var connectTimeout: Duration = .seconds(10)
    /// How long a GraphQL call may take.
    public var graphQLTimeout: Duration = .seconds(30)
    /// How long posting lines may take.
    public var streamTimeout: Duration = .seconds(180)
    /// How long nothing may move while a file is uploaded.
    public var uploadStall: Duration = .seconds(30)
    /// How long the end of a run waits for files that the store refuses again and again; three times as long for a store
    /// that is silent.
    public var uploadPatience: Duration = .seconds(7)
    /// The time between two measurements of the machine.
    public var systemInterval: Duration = .seconds(15)
    /// How long the background thread sleeps at most, so a stop from the web page is noticed.
    public var longestSleep: Duration = .seconds(5)
    /// How long the end of a run waits for a server that is unreachable or refuses.
    public var deadServerPatience: Duration = .seconds(4)
    /// How long the end of a run waits for a server that answers with failures.
    public var failingServerPatience: Duration = .seconds(120)
    /// How long the end of a run waits for an answer while nothing speaks against one.
    public var silentServerPatience: Duration = .seconds(20)
    /// How long the end of a run waits for a server that takes its rows.
    public var liveServerPatience: Duration = .seconds(300)
    /// How long the end of a run waits at most once its process has to end.
    public var hurriedPatience: Duration = .seconds(8)

    /// W&B's own pace.
    public init() {}

    /// The wait after this many failures in a row, with jitter so that many runs do not come back together.
    func retry(failures: Int, random: Double) -> Duration {
        let doubled = firstRetry.seconds * Double(1 << min(max(failures - 1, 0), 20)) * (1 + 0.25 * random)
        return .seconds(min(longestRetry.seconds, doubled))
    }
}
