internal import Model

/// From names to records: known ones from the tables, new ones from the resolver.
extension LineParser {
  /// The record of the parsed row's series and fields; ``matcher`` then tells which field fills
  /// which column.
  ///
  /// - Parameters:
  ///   - fieldCount: distinct fields of the row.
  ///   - hashSum: the sum of the hashes of their names.
  mutating func record(
    _ row: UnsafeRawPointer,
    _ start: Int,
    _ fieldCount: Int,
    _ hashSum: UInt64,
    _ session: LineSession
  ) throws(RowFault) -> UInt32 {
    if keys.isFull || shapes.isFull {
      keys.removeAll()
      shapes.removeAll()
      begin(session)
    }
    let measurement = unsafe UnsafeRawBufferPointer(
      start: row + Int(parsed.measurement.start),
      count: Int(parsed.measurement.count)
    )
    let setHash = unsafe shapes.hash(
      tenant: session.tenant,
      measurement: measurement,
      namesSum: hashSum,
      count: fieldCount
    )
    var shape: Int?
    var candidate = -1
    while shape == nil, let next = shapes.next(setHash, after: candidate) {
      candidate = next
      let known = shapes[next]
      if known.tenant == session.tenant, unsafe measurement.elementsEqual(known.rawMeasurement),
        unsafe matcher.match(parsed, row, count: fieldCount, to: known)
      {
        shape = next
      }
    }
    let key = unsafe row + start
    let keyByteCount = parsed.keyEnd - start
    let hash = unsafe keys.hash(key, count: keyByteCount, tenant: session.tenant)
    let first = unsafe keys.find(key, count: keyByteCount, tenant: session.tenant, hash: hash)
    if let shape, let known = sibling(of: first, shape: shape) { return known }
    let resolved: ResolvedLayout
    if let shape {
      // Before a series comes to be without a row.
      if let fault = unsafe typeFault(row, shape) { throw fault }
      resolved = unsafe try resolve(row, shapes[shape].fields, nil, session)
    } else {
      let live = parsed.fields.indices.filter { !parsed.fields[$0].isReplaced }
      let names = live.map { index -> FieldName in
        let field = parsed.fields[index]
        return unsafe FieldName(
          name: bytes(of: field.name, row),
          type: field.value.kind.type ?? .float
        )
      }
      resolved = unsafe try resolve(row, names, live, session)
      shape = unsafe insertShape(row, Array(measurement), resolved, names, live, setHash, session)
      guard unsafe matcher.match(parsed, row, count: fieldCount, to: shapes[shape ?? 0]) else {
        preconditionFailure("a row matches the shape that was made of it")
      }
    }
    return unsafe keys.insert(
      key,
      count: keyByteCount,
      tenant: session.tenant,
      hash: hash,
      first: first,
      shape: shape ?? 0,
      resolved: resolved
    )
  }

  private func sibling(of first: UInt32, shape: Int) -> UInt32? {
    var reference = first
    while reference != 0 {
      if unsafe Int(keys.record(reference).pointee.shape) == shape { return reference }
      reference = unsafe keys.record(reference).pointee.sibling
    }
    return nil
  }

  private func resolve(
    _ row: UnsafeRawPointer,
    _ fields: [FieldName],
    _ live: [Int]?,
    _ session: LineSession
  ) throws(RowFault) -> ResolvedLayout {
    let tags = parsed.tags.map { key, value in
      unsafe Tag(key: bytes(of: key, row), value: bytes(of: value, row))
    }
    do throws(SchemaRefusal) {
      let resolved = unsafe try resolver.resolve(
        tenant: session.tenant,
        measurement: bytes(of: parsed.measurement, row, isMeasurement: true),
        tags: tags,
        fields: fields
      )
      precondition(resolved.types.count == fields.count && resolved.columnOf.count == fields.count)
      precondition(Int(resolved.partition.rawValue) < batches.partitionCount)
      return resolved
    } catch {
      switch error {
      case .typeConflict(let measurement, let field, let existing):
        let index = live?[field] ?? Int(matcher.fieldOfColumn[field])
        throw unsafe Self.conflict(row, parsed.fields[index], existing: existing, measurement)
      case .limit(let measurement, let reason, let message):
        var fault = RowFault(0, reason, message)
        fault.measurement = measurement
        throw fault
      }
    }
  }

  private mutating func insertShape(
    _ row: UnsafeRawPointer,
    _ rawMeasurement: [UInt8],
    _ resolved: ResolvedLayout,
    _ names: [FieldName],
    _ live: [Int],
    _ setHash: UInt64,
    _ session: LineSession
  ) -> Int {
    var order = [Int](repeating: 0, count: live.count)
    for (position, column) in resolved.columnOf.enumerated() { order[column] = position }
    let columns = order.enumerated().map { column, position -> FieldShape.Column in
      let field = parsed.fields[live[position]]
      let isFloat = resolved.types[column] == .float && field.value.kind == .float
      return unsafe FieldShape.Column(
        rawName: Array(
          UnsafeRawBufferPointer(
            start: row + Int(field.name.start),
            count: Int(field.name.count)
          )
        ),
        hash: field.nameHash,
        field: FieldName(name: names[position].name, type: resolved.types[column]),
        exponent: isFloat ? field.value.decimalsWanted ?? 0 : 0
      )
    }
    return shapes.insert(
      tenant: session.tenant,
      measurement: resolved.measurement,
      rawMeasurement: rawMeasurement,
      fieldSet: resolved.fieldSet,
      columns: columns,
      hash: setHash,
      resolver: resolver
    )
  }

  /// A name without its escapes.
  func bytes(
    of name: ParsedRow.Name,
    _ row: UnsafeRawPointer,
    isMeasurement: Bool = false
  ) -> [UInt8] {
    let raw = unsafe UnsafeRawBufferPointer(start: row + Int(name.start), count: Int(name.count))
    guard name.hasEscapes else { return unsafe Array(raw) }
    var result: [UInt8] = []
    result.reserveCapacity(raw.count)
    var index = 0
    while index < raw.count {
      if unsafe raw[index] == ByteScan.backslash, index + 1 < raw.count {
        let next = unsafe raw[index + 1]
        if next == ByteScan.comma || next == ByteScan.space
          || (next == ByteScan.equals && !isMeasurement)
        {
          index += 1
        }
      }
      unsafe result.append(raw[index])
      index += 1
    }
    return result
  }
}
