public import Platform
internal import Synchronization

extension Committer {
  /// A wish to link all segments into a folder.
  struct LinkRequest: Sendable {
    var directory: String
    var answer: @Sendable (Result<Int, SystemError>) -> Void
  }

  /// Finishes the open segment and links all that are there into a folder, on the driving thread:
  /// everything that was acknowledged before the call is in them, and none of them grows.
  ///
  /// - Parameter answer: called on the driving thread, once, with the number of links.
  public func linkSegments(
    into directory: String,
    answer: @escaping @Sendable (Result<Int, SystemError>) -> Void
  ) {
    linkRequests.withLock { $0.append(LinkRequest(directory: directory, answer: answer)) }
    hasLinkRequests.store(true, ordering: .releasing)
    signal.set()
  }

  /// Answers what was asked.
  ///
  /// - Parameter refusal: why the log cannot go on.
  /// - Returns: an error after which the log cannot go on.
  func answerLinkRequests(refusal: String?) -> SystemError? {
    guard hasLinkRequests.exchange(false, ordering: .acquiring) else { return nil }
    let requests = linkRequests.withLock { requests in
      defer { requests = [] }
      return requests
    }
    var failure: SystemError?
    if refusal == nil {
      do throws(SystemError) { try log.finishSegment() } catch { failure = error }
    }
    for request in requests {
      guard refusal == nil, failure == nil else {
        let error =
          failure
          ?? SystemError(
            code: SystemError.Code.wouldBlock,
            operation: "snapshot: writes are refused",
            path: log.directory
          )
        request.answer(.failure(error))
        continue
      }
      request.answer(
        Result { () throws(SystemError) in try log.linkSegments(into: request.directory) }
      )
    }
    return failure
  }
}

extension Log {
  /// Makes the open segment a finished one, unless nothing is in it.
  func finishSegment() throws(SystemError) {
    precondition(isUsable, "a log that failed is abandoned first")
    do throws(SystemError) { try rollIfWritten() } catch {
      fail(error)
      throw error
    }
  }

  /// Links all finished segments into a folder.
  func linkSegments(into target: String) throws(SystemError) -> Int {
    for segment in closed {
      try disk.link(segment.path, to: Path.join(target, Path.name(of: segment.path)))
    }
    return closed.count
  }
}
