/// The time that each window of a rollup folds. The raw value is the code on the disk.
public enum RollupUnit: UInt8, Sendable, CaseIterable, Comparable {
  case minute = 1
  case hour = 2

  public static let nanosecondsPerDay = 24 * Nanoseconds.perHour

  public var nanoseconds: Int64 {
    switch self {
    case .minute: Nanoseconds.perMinute
    case .hour: Nanoseconds.perHour
    }
  }

  /// As options, warnings and file names say it.
  public var name: String {
    switch self {
    case .minute: "1m"
    case .hour: "1h"
    }
  }

  /// Days that one file covers: what a query of a year opens is a few files, and what a late row
  /// has written anew is not much more than its day.
  public var daysPerFile: Int64 {
    switch self {
    case .minute: 1
    case .hour: 30
    }
  }

  /// Windows of one file, at most.
  public var windowsPerFile: Int64 { daysPerFile * Self.nanosecondsPerDay / nanoseconds }

  /// The number of the file that a day is in.
  public func span(ofDay day: Int64) -> Int64 { day / daysPerFile }

  /// The days of a file.
  public func days(ofSpan span: Int64) -> Range<Int64> {
    span * daysPerFile..<(span + 1) * daysPerFile
  }

  public static func < (left: RollupUnit, right: RollupUnit) -> Bool {
    left.rawValue < right.rawValue
  }
}
