/// Limits of the data model. What a line or a file claims beyond them is refused or damaged.
public enum Limits {
  /// Columns of one row; the line limit usually binds first.
  public static let fieldsPerRowMax = 65_535
  /// Bytes of a measurement, tag key, tag value or field name.
  public static let nameByteCountMax = 65_535
  /// Tags of one series.
  public static let tagsPerSeriesMax = 255
  /// Bytes of one line of line protocol, unless configured otherwise.
  public static let lineByteCountDefault = 1 << 20
  /// How far ahead of the clock a timestamp may lie.
  public static let futureNanosecondsMax = 10 * Nanoseconds.perMinute
}
