internal import Model

extension CatalogState {
  /// Checks a line that asks for something new against every limit, before anything is defined.
  func checkLimits(
    _ request: Request,
    newMeasurement: Bool,
    newFieldCount: Int,
    newColumnCount: Int?,
    isNewSeries: Bool,
    measurement: UInt32
  ) throws(SchemaRefusal) {
    let known = newMeasurement ? nil : MeasurementID(measurement)
    let name = SeriesKey.quoted(request.measurement)
    if newMeasurement, measurements.count >= limits.measurementsMax || isSpent(measurements.next) {
      throw .limit(
        measurement: nil,
        reason: .seriesLimit,
        message: "measurement \(name) would exceed the limit of \(limits.measurementsMax)"
          + " measurements"
      )
    }
    if isNewSeries, series.count >= limits.seriesMax || isSpent(series.next) {
      let text = SeriesKey.text(measurement: request.measurement, tags: request.tags)
      throw .limit(
        measurement: known,
        reason: .seriesLimit,
        message: "series \(text) would exceed the limit of \(limits.seriesMax) series"
      )
    }
    if newFieldCount > 0 {
      let count = newMeasurement ? 0 : fields.count(of: measurement)
      guard count + newFieldCount <= limits.fieldsPerMeasurementMax else {
        throw .limit(
          measurement: known,
          reason: .tooWide,
          message: "\(newFieldCount) new fields would exceed the limit of"
            + " \(limits.fieldsPerMeasurementMax) fields of measurement \(name)"
        )
      }
      guard fields.count + newFieldCount <= limits.fieldsMax,
        !isSpent(fields.next, newFieldCount)
      else {
        throw .limit(
          measurement: known,
          reason: .tooWide,
          message: "\(newFieldCount) new fields of measurement \(name) would exceed the limit of"
            + " \(limits.fieldsMax) fields"
        )
      }
    }
    if let newColumnCount { try checkFieldSet(known, name, newColumnCount) }
    guard layoutCount < limits.layoutsMax, !layouts.contains(where: { isSpent($0.next, 4_096) })
    else {
      throw .limit(
        measurement: known,
        reason: .seriesLimit,
        message: "a new set of fields of series"
          + " \(SeriesKey.text(measurement: request.measurement, tags: request.tags))"
          + " would exceed the limit of \(limits.layoutsMax) layouts"
      )
    }
    try checkMemory(known, name, nameByteCount: request.nameByteCount)
  }

  /// Checks a new field set.
  func checkFieldSet(
    _ measurement: MeasurementID?,
    _ name: String,
    _ columnCount: Int
  ) throws(SchemaRefusal) {
    let message: String
    if fieldSets.count >= limits.fieldSetsMax || isSpent(fieldSets.next) {
      message = "the limit of \(limits.fieldSetsMax) field sets"
    } else if fieldSets.columnCount + columnCount > limits.fieldSetColumnsMax {
      message = "the limit of \(limits.fieldSetColumnsMax) columns of all field sets"
    } else if columnCount > Definition.fieldSetColumnCountMax {
      message = "the limit of \(Definition.fieldSetColumnCountMax) columns of one field set"
    } else {
      return
    }
    throw .limit(
      measurement: measurement,
      reason: .tooWide,
      message: "a set of \(columnCount) fields of measurement \(name) would exceed \(message)"
    )
  }

  /// Checks that new names find room, in memory and in front of the disk.
  func checkMemory(
    _ measurement: MeasurementID?,
    _ name: String,
    nameByteCount: Int
  ) throws(SchemaRefusal) {
    let message: String
    if symbols.nameByteCount + nameByteCount > min(limits.nameByteCountMax, Self.arenaCountMax) {
      message = "names would exceed the limit of \(limits.nameByteCountMax) bytes"
    } else if unsyncedByteCount >= limits.unsyncedByteCountMax {
      message = "\(unsyncedByteCount) bytes of new names wait for the disk"
    } else {
      return
    }
    throw .limit(
      measurement: measurement,
      reason: .seriesLimit,
      message: "new names in measurement \(name) are refused: \(message)"
    )
  }

  /// Whether fewer than `count` ids are left.
  func isSpent(_ next: UInt32, _ count: Int = 1) -> Bool {
    UInt64(next) + UInt64(count) > UInt64(Self.idMax)
  }
}
