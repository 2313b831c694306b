import Dispatch

/// Threads of their own for answers: those that wait for a disk must not hold up the ones that talk to browsers.
final class WorkQueue: TaskExecutor {
    private let queue = DispatchQueue(label: "answers", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
