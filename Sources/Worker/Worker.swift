import ArgumentParser
import Kernels
import Runs
@main
struct Worker {
    static func main() { print("Worker") }
}
