public import LineProtocol
public import Model
internal import Platform

/// Lines that come as the body of a request instead of on a connection.
///
/// A body's batches close at the end of the loop round in which it ends, together with those of
/// everybody who asked for an acknowledgement in that round.
extension Receiver {
  /// Begins a body.
  ///
  /// - Parameters:
  ///   - sender: names the client in the dead letters.
  ///   - tenant: from ``Engine/writableTenant(token:tenant:)``.
  public func openBody(
    sender: String,
    tenant: TenantID,
    precision: LinePrecision
  ) -> LineBody {
    LineBody(sender: sender, tenant: tenant, precision: precision, sequence: submittedSequence)
  }

  /// Parses the next bytes of a body.
  ///
  /// - Parameter turnNanoseconds: how long refused lines may take before others have their turn;
  ///   lines that are stored are taken whatever the clock says.
  /// - Returns: how many bytes were taken; fewer than all when the turn is over. Give the rest in
  ///   another one.
  public func receive(
    _ bytes: UnsafeRawBufferPointer,
    on body: LineBody,
    turnNanoseconds: UInt64 = .max
  ) -> Int {
    let begin = turnNanoseconds < .max ? clock.monotonic() : 0
    let arrival = clock.now()
    let before = body.session.statistics
    let taken = unsafe parser.parse(bytes, on: body, arrival: arrival) {
      bury($0, body, arrival)
    } isOver: {
      turnNanoseconds < .max && clock.monotonic() &- begin >= turnNanoseconds
    }
    submit(parser.takeSealed())
    statistics.count(bytes: taken)
    gate.take(taken) { clock.monotonic() }
    statistics.count(body.session, since: before)
    return taken
  }

  /// Refuses something that never became a line, in the place of the body's next line.
  public func refuse(_ item: RefusedItem, on body: LineBody) {
    let arrival = clock.now()
    parser.refuse(
      item.text,
      column: item.column,
      message: item.message,
      session: body.session,
      arrival: arrival
    )
    bury(body.takeVerdicts(), body, arrival)
  }

  /// The body has ended.
  ///
  /// - Parameters:
  ///   - endsLine: whether its last line ends with it; else it is refused as cut.
  ///   - onSettled: called on the loop when all rows and refusals of the body are durable
  ///     in all partitions, with the reason when they are not. Call ``endOfRound()`` soon.
  public func end(
    _ body: LineBody,
    endsLine: Bool,
    onSettled: @escaping (String?) -> Void
  ) {
    let arrival = clock.now()
    if body.fault == nil {
      parser.finish(session: body.session, arrival: arrival, endsLine: endsLine)
      bury(body.takeVerdicts(), body, arrival)
    } else {
      parser.forget(session: body.session)
    }
    submit(parser.takeSealed())
    asked.append(
      Acknowledgement(
        waiter: .body(body, onSettled: onSettled),
        covered: body.coveredSequence
      )
    )
  }

  /// The client has gone before the body's end: a line that has not come whole is refused as cut.
  public func abandon(_ body: LineBody) {
    let arrival = clock.now()
    parser.finish(session: body.session, arrival: arrival, endsLine: false)
    bury(body.takeVerdicts(), body, arrival)
    submit(parser.takeSealed())
  }

  private func bury(_ verdicts: [LineVerdict], _ body: LineBody, _ arrival: Timestamp) {
    guard !verdicts.isEmpty else { return }
    bury(verdicts, of: body.session.tenant, sender: body.sender, arrival: arrival)
  }
}

extension LineParser {
  /// Parses bytes of a body until its fault, their end, or that of its turn.
  ///
  /// - Parameter isOver: whether the turn is; asked when lines were refused or one was special.
  /// - Returns: how many bytes were taken.
  mutating func parse(
    _ bytes: UnsafeRawBufferPointer,
    on body: LineBody,
    arrival: Timestamp,
    onRefused: ([LineVerdict]) -> Void,
    isOver: () -> Bool = { false }
  ) -> Int {
    var rest = unsafe bytes
    while rest.count > 0, body.fault == nil {
      let (consumed, event) = unsafe parse(rest, session: body.session, arrival: arrival)
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
      onRefused(body.takeVerdicts())
      if let event { body.handle(event) }
      if event == nil && consumed == 0 || isOver() { break }
    }
    return bytes.count - rest.count
  }
}
