//! A small HTTP/1.1 server on threads. A site answers, faults change answers, a log records every exchange.

mod fault;
mod log;
mod request;
mod response;

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use fault::Fault;
pub(crate) use log::Exchange;
pub(crate) use request::{Headers, Request};
pub(crate) use response::{Delivery, Response};

/// Answers requests.
pub(crate) trait Site: Send + Sync + 'static {
    fn answer(&self, request: &Request) -> Response;
}

/// A site that is served on its own address until it is dropped.
pub(crate) struct Host {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    site: Box<dyn Site>,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Vec<Exchange>>,
    stopping: AtomicBool,
    connections: AtomicUsize,
    accepted: AtomicUsize,
    most: AtomicUsize,
}

impl Host {
    /// Serves on a free port of `ip`, which is a loopback address.
    pub(crate) fn start(ip: &str, site: impl Site) -> Host {
        Host::on(TcpListener::bind((ip, 0)).expect("a free port"), site)
    }

    /// Serves on a socket that already listens, so that the site can know its address.
    pub(crate) fn on(listener: TcpListener, site: impl Site) -> Host {
        let shared = Arc::new(Shared {
            site: Box::new(site),
            faults: Mutex::default(),
            log: Mutex::default(),
            stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || serving.accept(&listener));
        Host { address, shared }
    }

    /// `IP:PORT`.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.faults.lock().unwrap().push(fault);
    }

    /// Removes all faults.
    pub(crate) fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Every exchange since the start or the last `forget`, in the order of the answers.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.shared.log.lock().unwrap().clear();
    }

    /// The largest number of concurrent connections.
    pub(crate) fn most_connections(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// The number of connections, including those without a request.
    pub(crate) fn accepted_connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // Wakes `accept`.
    }
}

impl Shared {
    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            self.accepted.fetch_add(1, Ordering::SeqCst);
            let shared = Arc::clone(self);
            std::thread::spawn(move || {
                let now = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most.fetch_max(now, Ordering::SeqCst);
                shared.serve(stream);
                shared.connections.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    /// Serves one request after the other until the peer disconnects or a fault ends the connection.
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        // A connection that a peer keeps open must not keep this thread alive after the host is dropped.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let Ok(reader) = stream.try_clone() else { return };
        let mut reader = BufReader::new(reader);
        while let Some(mut request) = Request::read_head(&mut reader) {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let fault = Fault::claim(&mut self.faults.lock().unwrap(), &request);
            if let Some(Fault { intake: Some(bytes), .. }) = &fault {
                if request.read_part_of_body(&mut reader, *bytes).is_some() && request.method == "PATCH" {
                    self.site.answer(&request);
                }
                self.note(&request, 0);
                response::reset(&stream);
                return;
            }
            let unread = fault.as_ref().is_some_and(|fault| fault.unread);
            if !unread {
                if request.expects_continue() && stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
                    return;
                }
                if request.read_body(&mut reader).is_none() {
                    return;
                }
            }
            let response = match &fault {
                Some(fault) => fault.answer(&request, |request| self.site.answer(request)),
                None => self.site.answer(&request),
            };
            let at = self.note(&request, response.status);
            let (sent, goes_on) =
                response.send(&mut stream, request.method == "HEAD", || self.stopping.load(Ordering::SeqCst));
            if let Some(exchange) = self.log.lock().unwrap().get_mut(at) {
                exchange.sent = sent;
            }
            if !goes_on || unread {
                return;
            }
        }
    }

    fn note(&self, request: &Request, status: u16) -> usize {
        let mut log = self.log.lock().unwrap();
        log.push(Exchange::new(request, status));
        log.len() - 1
    }
}
